import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, type ClusterAccess, createClient, mayI } from '../../src/kube/index.ts';
import { createTransport, readCapped } from '../../src/kube/transport.ts';
import { RIGHTS, type RoleName } from '../../src/runtime/index.ts';
import { parseYaml } from '../../src/yaml/index.ts';

const ROLES = join(import.meta.dirname, '../../docs/rbac');
const RBAC = 'rbac.authorization.k8s.io';
/** Longer than any suite. */
const TOKEN_SECONDS = 4 * 3600;
const CAP = 1024 * 1024;

/** A rule of a Role. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** A Role of docs/rbac by its name, or rules of one's own. */
export type RoleOf = RoleName | { readonly name: string; readonly rules: readonly Rule[] };

/** Who a test is, where it is not the administrator. */
export interface User {
  /** `system:serviceaccount:NAMESPACE:NAME` */
  readonly name: string;
  /** Name of the ServiceAccount, the Role and the RoleBinding. */
  readonly account: string;
  /** A kubeconfig with this user's token and nothing else. */
  readonly kubeconfig: object;
}

/** What the administrator does that the tool never needs. */
interface Admin {
  post(path: string, body: object): Promise<unknown>;
  delete(path: string): Promise<void>;
}

const asAdmin = async <T>(access: ClusterAccess, work: (admin: Admin) => Promise<T>): Promise<T> => {
  const transport = createTransport(access);
  try {
    return await work({
      post: async (path, body) => {
        const answer = await transport.send({ method: 'POST', path, body, what: `create ${path}` });
        return JSON.parse((await readCapped(answer, CAP)).toString('utf8'));
      },
      delete: async (path) => {
        await (await transport.send({ method: 'DELETE', path, what: `delete ${path}` })).text();
      },
    });
  } finally {
    await transport.close();
  }
};

const accountOf = (role: RoleOf): string => `waybill-${typeof role === 'string' ? role : role.name}`;

/**
 * Makes a ServiceAccount of a namespace, with a Role that holds there and nothing beside it, and waits until the API server
 * goes by it. `access` is the administrator's.
 */
export const createUser = (access: ClusterAccess, namespace: string, role: RoleOf): Promise<User> =>
  asAdmin(access, async (admin) => {
    const objects = typeof role === 'string' ? await objectsOf(role, namespace) : objectsFor(role, namespace);
    for (const object of objects) {
      const { apiVersion, kind } = object;
      const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
      await admin.post(`${root}/namespaces/${namespace}/${kind.toLowerCase()}s`, object);
    }
    const account = accountOf(role);
    const token = await requestToken(access, namespace, account);
    const granted = objects
      .flatMap((object) => object.rules ?? [])
      .flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => ({ resource, verb }))));
    await untilAllowed({ ...access, namespace, credential: { kind: 'token', token } }, granted, true);
    return {
      name: `system:serviceaccount:${namespace}:${account}`,
      account,
      kubeconfig: kubeconfigOf(access, namespace, token),
    };
  });

/** Takes all rights from a user, and waits until the API server goes by it. */
export const revoke = async (access: ClusterAccess, namespace: string, { account }: User): Promise<void> => {
  await asAdmin(access, (admin) => admin.delete(`/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings/${account}`));
  const token = await requestToken(access, namespace, account);
  await untilAllowed({ ...access, namespace, credential: { kind: 'token', token } }, RIGHTS, false);
};

/**
 * A token of a ServiceAccount. With a Secret it is good as long as that is there.
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
 */
export const requestToken = (
  access: ClusterAccess,
  namespace: string,
  account: string,
  secret?: { readonly name: string; readonly uid: string },
): Promise<string> =>
  asAdmin(access, async (admin) => {
    const { status } = (await admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds: TOKEN_SECONDS,
        ...(secret !== undefined && {
          boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret.name, uid: secret.uid },
        }),
      },
    })) as { status: { token: string } };
    return status.token;
  });

interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly rules?: readonly Rule[];
}

/** The objects of a file in docs/rbac, for another namespace than the file's. */
const objectsOf = async (role: RoleName, namespace: string): Promise<readonly Applied[]> => {
  const file = join(ROLES, `${role}.yaml`);
  const text = (await readFile(file, 'utf8')).replaceAll('namespace: ci', `namespace: ${namespace}`);
  return parseYaml(text, { file }).documents.map(({ value }) => value as unknown as Applied);
};

const objectsFor = (
  { name, rules }: { readonly name: string; readonly rules: readonly Rule[] },
  namespace: string,
): readonly Applied[] => {
  const metadata = { name: accountOf({ name, rules }), namespace };
  const roleRef = { apiGroup: RBAC, kind: 'Role', name: metadata.name };
  const subjects = [{ kind: 'ServiceAccount', ...metadata }];
  const of = (kind: string, more: object = {}) => ({ apiVersion: `${RBAC}/v1`, kind, metadata, ...more });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata } as Applied,
    { ...of('Role'), rules },
    of('RoleBinding', { roleRef, subjects }),
  ];
};

/** The authorizer hears of Roles and bindings a moment later. */
const untilAllowed = async (access: ClusterAccess, asked: readonly Access[], allowed: boolean): Promise<void> => {
  const client = createClient(access);
  try {
    for (let tries = 0; !(await mayI(client, asked)).every((one) => one === allowed); tries += 1) {
      if (tries === 300) throw new Error(`a Role of ${access.namespace} has no effect`);
      await new Promise((done) => setTimeout(done, 100));
    }
  } finally {
    await client.close();
  }
};

/** A kubeconfig for a user of this cluster that has a token. */
const kubeconfigOf = (
  { server, ca, skipVerify, servername }: ClusterAccess,
  namespace: string,
  token: string,
): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
  clusters: [
    {
      name: 'test',
      cluster: {
        server,
        ...(ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
        ...(servername !== undefined && { 'tls-server-name': servername }),
        ...(skipVerify && { 'insecure-skip-tls-verify': true }),
      },
    },
  ],
  users: [{ name: 'test', user: { token } }],
});
