import { join } from 'node:path';
import { writeAtomic } from './files.ts';
import { BRIDGE, NETWORK, POD_CIDR, pathsOf, REGISTRY_HTPASSWD, type Settings } from './settings.ts';

/** The pause image's name, as the kubelet's documentation writes it; it comes from our registry like every other. */
const PAUSE = 'registry.k8s.io/pause:3.10';

const containerd = ({ socket, containerd, hosts, conf }: ReturnType<typeof pathsOf>): string => `version = 2
root = "${containerd}/root"
state = "${containerd}/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${containerd}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  # The machine may lack CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  # Network namespaces below our folder, so that down finds them.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      # crun refuses hybrid cgroups.
      BinaryName = "/usr/sbin/runc"
      Root = "${containerd}/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${conf}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
`;

const mirror = ({
  ports,
}: Settings): string => `# Every image of every registry comes from here: path kept, host dropped.
[host."http://127.0.0.1:${ports.registry}"]
  capabilities = ["pull", "resolve"]
`;

const cni = ({ cni }: ReturnType<typeof pathsOf>): string =>
  JSON.stringify(
    {
      cniVersion: '1.0.0',
      name: NETWORK,
      plugins: [
        {
          type: 'bridge',
          bridge: BRIDGE,
          isGateway: true,
          ipMasq: true,
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            dataDir: `${cni}/networks`,
            ranges: [[{ subnet: POD_CIDR }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  );

const kubelet = ({ ports, dir }: Settings, paths: ReturnType<typeof pathsOf>): string =>
  JSON.stringify(
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      port: ports.kubelet,
      healthzPort: ports.kubeletHealth,
      readOnlyPort: 0,
      cgroupDriver: 'cgroupfs',
      cgroupRoot: '/',
      failSwapOn: false,
      failCgroupV1: false,
      authentication: { anonymous: { enabled: false }, x509: { clientCAFile: `${paths.pki}/ca.crt` } },
      authorization: { mode: 'AlwaysAllow' },
      containerRuntimeEndpoint: `unix://${paths.socket}`,
      evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
      // Stand-ins for pinned digests cannot be pulled again: never collect an image.
      imageGCHighThresholdPercent: 100,
      maxPods: 250,
      // As good clusters have it: a fork bomb ends at its pod. A waiting step needs nine, a pod of the tests has 100 steps.
      podPidsLimit: 2048,
      serializeImagePulls: false,
      // Without a limit: else bursts of pods fail with ImagePullBackOff. (eventRecordQPS stays as it is: its 0 means 5.)
      registryPullQPS: 0,
      enforceNodeAllocatable: [],
      podLogsDir: `${dir}/pod-logs`,
      volumePluginDir: `${paths.kubelet}/volume-plugins`,
    },
    null,
    2,
  );

const registry = (root: string, port: number, htpasswd?: string): string =>
  JSON.stringify(
    {
      version: '0.1',
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: root }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
      ...(htpasswd && { auth: { htpasswd: { realm: 'waybill', path: htpasswd } } }),
    },
    null,
    2,
  );

/** Writes the components' configuration, and returns it by component: a change of it restarts that component. */
export const writeConfig = (settings: Settings): Readonly<Record<string, string>> => {
  const paths = pathsOf(settings);
  const password = join(paths.conf, 'htpasswd');
  const files: Record<string, readonly [component: string, content: string]> = {
    'containerd.toml': ['containerd', containerd(paths)],
    'certs.d/_default/hosts.toml': ['', mirror(settings)], // read at every pull
    'cni/10-waybill.conflist': ['containerd', cni(paths)],
    'kubelet.json': ['kubelet', kubelet(settings, paths)],
    htpasswd: ['registry-auth', REGISTRY_HTPASSWD],
    'registry.yml': ['registry', registry(`${settings.dir}/registry`, settings.ports.registry)],
    'registry-auth.yml': [
      'registry-auth',
      registry(`${settings.dir}/registry-auth`, settings.ports.registryAuth, password),
    ],
  };
  const used: Record<string, string> = {};
  for (const [name, [component, content]] of Object.entries(files)) {
    writeAtomic(join(paths.conf, name), content);
    used[component] = (used[component] ?? '') + content;
  }
  return used;
};
