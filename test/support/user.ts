import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClusterAccess, createClient, mayI } from '../../src/kube/index.ts';
import { createTransport, readCapped } from '../../src/kube/transport.ts';
import type { RoleName } from '../../src/runtime/index.ts';
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
  /** A kubeconfig with this user's token and nothing else. */
  readonly kubeconfig: object;
  readonly token: string;
}

/**
 * Makes a ServiceAccount of a namespace, with a Role that holds there and nothing beside it, and waits until the API server
 * goes by it. `admin` may do everything.
 */
export const createUser = async (admin: ClusterAccess, namespace: string, role: RoleOf): Promise<User> => {
  const transport = createTransport(admin);
  const post = async (path: string, body: object): Promise<unknown> => {
    const answer = await transport.send({ method: 'POST', path, body, what: `create ${path}` });
    return JSON.parse((await readCapped(answer, CAP)).toString('utf8'));
  };
  try {
    const objects = typeof role === 'string' ? await objectsOf(role, namespace) : objectsFor(role, namespace);
    for (const object of objects) {
      const { apiVersion, kind } = object;
      const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
      await post(`${root}/namespaces/${namespace}/${kind.toLowerCase()}s`, object);
    }
    const account = `waybill-${typeof role === 'string' ? role : role.name}`;
    const { status } = (await post(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: TOKEN_SECONDS },
    })) as { status: { token: string } };
    const rules = objects.flatMap((object) => object.rules ?? []);
    await untilGranted({ ...admin, namespace, credential: { kind: 'token', token: status.token } }, rules);
    const name = `system:serviceaccount:${namespace}:${account}`;
    return { name, token: status.token, kubeconfig: kubeconfigOf(admin, namespace, status.token) };
  } finally {
    await transport.close();
  }
};

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
  const metadata = { name: `waybill-${name}`, namespace };
  const roleRef = { apiGroup: RBAC, kind: 'Role', name: metadata.name };
  const subjects = [{ kind: 'ServiceAccount', ...metadata }];
  const of = (kind: string, more: object = {}) => ({ apiVersion: `${RBAC}/v1`, kind, metadata, ...more });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', ...{ metadata } },
    { ...of('Role'), rules },
    of('RoleBinding', { roleRef, subjects }),
  ];
};

/** The authorizer hears of a new Role a moment later. */
const untilGranted = async (access: ClusterAccess, rules: readonly Rule[]): Promise<void> => {
  const asked = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ resource, verb }))),
  );
  const client = createClient(access);
  try {
    for (let tries = 0; !(await mayI(client, asked)).every(Boolean); tries += 1) {
      if (tries === 100) throw new Error(`a Role of ${access.namespace} has no effect`);
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
