import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { taskRunOf } from '../../src/engine/index.ts';
import {
  type ClusterAccess,
  createClient,
  type KubeClient,
  loadClusterAccess,
  type Stored,
  watch,
} from '../../src/kube/index.ts';
import { createTransport, readCapped, type Transport } from '../../src/kube/transport.ts';
import { createRecordStore, type RecordStore } from '../../src/runtime/index.ts';
import type { TaskRun } from '../../src/tekton/index.ts';
import { type TestCluster, testCluster } from './cluster.ts';
import { createUser, type RoleOf, type User } from './user.ts';
import { type CallOptions, type Finished, type Started, startWaybill } from './waybill.ts';

/** Commands that take `--namespace`. */
const IN_CLUSTER = ['run', 'runs', 'logs', 'cancel', 'delete', 'plan', 'auth'];

/** The part of a run's output that tests look at. */
export interface RunOutput {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly conditions: readonly [{ readonly status: string; readonly reason: string; readonly message: string }];
    readonly results?: readonly { readonly name: string; readonly value: unknown }[];
    readonly [key: string]: unknown;
  };
}

export interface Ran extends Finished {
  /** The object that `-o json` printed; undefined where nothing was run. */
  readonly output: RunOutput | undefined;
}

/** The tool as one user. */
export interface Tool {
  readonly user: User;
  /** Starts the tool on this cluster; commands that know a namespace get this one. */
  start(args: readonly string[], options?: CallOptions): Started;
  /** The same, to its end. */
  cli(args: readonly string[], options?: CallOptions): Promise<Finished>;
  /** `waybill run … -o json`; rejects where a run was to be printed (exit 0 and 1) and none was. */
  run(args: readonly string[], options?: CallOptions): Promise<Ran>;
}

/** A namespace of one test file, and the tool in it, as a user of it who has the Role of docs/rbac and no other right. */
export interface TestNamespace extends Tool {
  readonly name: string;
  /** The administrator's, as all that a test looks at or does by itself. */
  readonly client: KubeClient;
  readonly records: RecordStore;
  readonly cluster: TestCluster & { readonly agentImage: string };
  readonly access: ClusterAccess;
  /** A folder for the files of the test. */
  readonly folder: string;
  /** The tool as another user of the namespace. */
  as(role: RoleOf): Promise<Tool>;
  /** Writes a file of the test; the result is its path. */
  file(name: string, content: string | object): Promise<string>;
  /** The TaskRuns of a run by the name of their task, as its record has them. */
  taskRuns(run: string): Promise<Readonly<Record<string, TaskRun>>>;
  pods(): Promise<readonly Stored<Pod>[]>;
  /** `KIND/NAME` of all that a run could have made here, sorted. */
  objects(): Promise<readonly string[]>;
  /** Names of the volumes whose claims are, or were, in this namespace. */
  volumes(): Promise<readonly string[]>;
  delete(): Promise<void>;
}

export interface NamespaceOptions {
  /** PodSecurity lets nothing else in. */
  readonly restricted?: boolean;
  /** Of the tool's user. */
  readonly role?: RoleOf;
}

/** Makes a namespace for a test file, and a user of it. */
export const testNamespace = async (
  topic: string,
  { restricted = false, role = 'runner' }: NamespaceOptions = {},
): Promise<TestNamespace> => {
  const cluster = await testCluster();
  const { agentImage } = cluster;
  if (agentImage === undefined) throw new Error('WAYBILL_AGENT_IMAGE must name an image that the cluster can pull');
  const name = `e2e-${topic}-${randomUUID().slice(0, 6)}`;
  const access = {
    ...(await loadClusterAccess({ env: {}, home: homedir(), file: cluster.kubeconfig })),
    namespace: name,
  };
  const client = createClient(access);
  const transport = createTransport(access);
  const records = createRecordStore({ client });
  const folder = await mkdtemp(join(tmpdir(), `waybill-${topic}-`));
  const labels = { 'pod-security.kubernetes.io/enforce': restricted ? 'restricted' : 'privileged' };
  await client.create('namespaces', { metadata: { name, labels } });
  // Pods are refused until their service account has been made.
  for await (const change of watch(client, 'serviceaccounts')) {
    if (change.type !== 'synced' && change.object.metadata.name === 'default') break;
  }
  const file = async (named: string, content: string | object): Promise<string> => {
    const path = join(folder, named);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const toolOf = async (role: RoleOf): Promise<Tool> => {
    const user = await createUser(access, name, role);
    const kubeconfig = await file(`${typeof role === 'string' ? role : role.name}.kubeconfig`, user.kubeconfig);
    const env = { KUBECONFIG: kubeconfig, WAYBILL_AGENT_IMAGE: agentImage, COSIGN_PASSWORD: 'e2e' };
    const start = (args: readonly string[], options: CallOptions = {}): Started => {
      const words = args[0] === 'auth' ? 2 : 1;
      const scope = IN_CLUSTER.includes(args[0] ?? '') ? ['-n', name] : [];
      return startWaybill([...args.slice(0, words), ...scope, ...args.slice(words)], {
        ...options,
        env: { ...env, ...options.env },
      });
    };
    return {
      user,
      start,
      cli: (args, options) => start(args, options).finished,
      run: async (args, options) => {
        const finished = await start(['run', '-o', 'json', ...args], options).finished;
        const { code, stdout, stderr } = finished;
        if (stdout === '' && (code === 0 || code === 1)) throw new Error(`exit ${code} without an output:\n${stderr}`);
        return { ...finished, output: stdout === '' ? undefined : (JSON.parse(stdout) as RunOutput) };
      },
    };
  };
  return {
    ...(await toolOf(role)),
    name,
    client,
    records,
    cluster: { ...cluster, agentImage },
    access,
    folder,
    file,
    as: toolOf,
    taskRuns: async (run) => {
      const { record } = await records.load(name, run);
      const { plan, state, uid } = record;
      return Object.fromEntries(plan.nodes.map((node) => [node.name, taskRunOf(plan, state, node.id, { uid })]));
    },
    pods: async () => (await client.list('pods')).items,
    objects: async () => {
      const kinds = ['pods', 'secrets', 'persistentvolumeclaims', 'leases'] as const;
      const lists = await Promise.all(
        kinds.map(async (kind) =>
          (await client.listMetadata(kind)).items.map(({ metadata }) => `${kind}/${metadata.name}`),
        ),
      );
      return lists.flat().sort();
    },
    volumes: () => volumesOf(transport, name),
    delete: async () => {
      await client.delete('namespaces', name, { propagation: 'Background' });
      await client.close();
      await transport.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const volumesOf = async (transport: Transport, namespace: string): Promise<readonly string[]> => {
  const path = '/api/v1/persistentvolumes';
  const answer = await transport.send({ method: 'GET', path, what: 'list persistentvolumes' });
  const { items } = JSON.parse((await readCapped(answer, 16 * 1024 * 1024)).toString('utf8')) as {
    items: readonly { metadata: { name: string }; spec: { claimRef?: { namespace?: string } } }[];
  };
  return items.filter(({ spec }) => spec.claimRef?.namespace === namespace).map(({ metadata }) => metadata.name);
};

/** Waits until something holds; `what` names it where it does not within `seconds`. */
export const eventually = async <T>(what: string, look: () => Promise<T | undefined>, seconds = 60): Promise<T> => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`not within ${seconds} s: ${what}`);
};
