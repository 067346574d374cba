import { join, resolve } from 'node:path';

/** Kubernetes' version; the go.mod beside it pins the same one. The newest that runs on cgroup v1 and containerd 1.6. */
export const KUBERNETES = 'v1.34.4';

/** Name of the one node. */
export const NODE = 'waybill';

/** Name of the CNI network and of its bridge. */
export const NETWORK = 'waybill';
export const BRIDGE = 'waybill0';

/** Addresses: the pods', the node's on the bridge, the services', the apiserver's as a service. */
export const POD_CIDR = '10.244.0.0/24';
export const NODE_IP = '10.244.0.1';
export const SERVICE_CIDR = '10.96.0.0/16';
export const SERVICE_IP = '10.96.0.1';

/** Who may use the registry that asks for a password: test constants, with the bcrypt hash of the password. */
export const REGISTRY_USER = 'waybill';
export const REGISTRY_PASSWORD = 'registry-test-password';
export const REGISTRY_HTPASSWD = `${REGISTRY_USER}:$2y$05$GX2CPUZPY5ZryMn/ZfHC/eWEKf.GIN2TEa2cBWBwkwumxv96Nf0LK\n`;

const OFFSETS = {
  apiserver: 0,
  etcd: 1,
  etcdPeer: 2,
  controllerManager: 3,
  scheduler: 4,
  kubelet: 5,
  kubeletHealth: 6,
  proxyHealth: 7,
  proxyMetrics: 8,
  registry: 10,
  registryAuth: 11,
} as const;

export type Port = keyof typeof OFFSETS;

/** Where the cluster of this machine lives. */
export interface Settings {
  /** Holds everything: binaries, state, logs. Absolute. */
  readonly dir: string;
  readonly ports: Readonly<Record<Port, number>>;
}

const DEFAULT_DIR = '/var/tmp/waybill-cluster';
const DEFAULT_PORT = 26440;

/**
 * Settings from the environment: WAYBILL_CLUSTER_DIR is the folder, WAYBILL_CLUSTER_PORT the first of the twelve ports.
 * The defaults lie outside of any clone, so that two clones share one build and one cluster. Throws on what is no port.
 */
export const settingsFrom = (env: NodeJS.ProcessEnv): Settings => {
  const text = env.WAYBILL_CLUSTER_PORT || String(DEFAULT_PORT);
  const base = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(base >= 1024 && base <= 65_500)) {
    throw new Error(`WAYBILL_CLUSTER_PORT is "${text}": it must be a port from 1024 to 65500`);
  }
  const ports = Object.fromEntries(Object.entries(OFFSETS).map(([name, offset]) => [name, base + offset]));
  return { dir: resolve(env.WAYBILL_CLUSTER_DIR || DEFAULT_DIR), ports: ports as Record<Port, number> };
};

/** Paths below the folder that several files need. */
export const pathsOf = ({ dir }: Settings) => ({
  /** Kept by `down --purge`; keyed by version. */
  bin: join(dir, 'bin', `kubernetes-${KUBERNETES}`),
  pki: join(dir, 'pki'),
  conf: join(dir, 'conf'),
  logs: join(dir, 'logs'),
  run: join(dir, 'run'),
  volumes: join(dir, 'volumes'),
  containerd: join(dir, 'containerd'),
  kubelet: join(dir, 'kubelet'),
  cni: join(dir, 'cni'),
  socket: join(dir, 'containerd', 'containerd.sock'),
  hosts: join(dir, 'conf', 'certs.d'),
  kubeconfig: join(dir, 'admin.kubeconfig'),
  /** Says that the folder is ours: nothing is deleted from a folder without it. */
  marker: join(dir, '.waybill-cluster'),
});
