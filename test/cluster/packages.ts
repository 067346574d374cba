import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './files.ts';
import { say, saying } from './say.ts';
import { KUBERNETES, pathsOf, type Settings } from './settings.ts';
import { run } from './shell.ts';

/** A program that must be there → the Debian package that brings it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  etcd: 'etcd-server',
  iptables: 'iptables',
  conntrack: 'conntrack',
  modprobe: 'kmod',
  'docker-registry': 'docker-registry',
  busybox: 'busybox-static',
  ip: 'iproute2',
  openssl: 'openssl',
  flock: 'util-linux',
  bash: 'bash',
  jq: 'jq',
};
const PLUGINS = { path: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' };

const DAEMONS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'];

/** Installs the Debian packages that are missing. */
export const ensurePackages = async (): Promise<void> => {
  const missing = new Set(
    Object.entries(PROGRAMS)
      .filter(([program]) => findProgram(program) === undefined)
      .map(([, name]) => name),
  );
  if (!existsSync(PLUGINS.path)) missing.add(PLUGINS.package);
  if (missing.size === 0) return;
  if (findProgram('apt-get') === undefined) {
    throw new Error(`these programs are missing, and there is no apt-get to install them: ${[...missing].join(', ')}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await saying(`installing ${[...missing].join(' ')} (about half a minute)`, async () => {
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], { env });
  });
};

/** Builds Kubernetes' programs where they are missing: all of them into one folder that then gets its name. */
export const ensureBinaries = async (settings: Settings): Promise<void> => {
  const { bin } = pathsOf(settings);
  if (DAEMONS.every((name) => existsSync(join(bin, name)))) return;
  const next = `${bin}.new`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true });
  const [major, minor] = KUBERNETES.slice(1).split('.');
  const version = 'k8s.io/component-base/version';
  const flags = [
    ...['-s', '-w', '-X', `${version}.gitVersion=${KUBERNETES}`],
    ...['-X', `${version}.gitMajor=${major}`, '-X', `${version}.gitMinor=${minor}`],
  ];
  const packages = DAEMONS.map((name) => `k8s.io/kubernetes/cmd/${name}`);
  await saying(`building Kubernetes ${KUBERNETES} (3 to 4 minutes on two cores, once for this machine)`, () =>
    run('go', ['build', '-o', `${next}/`, '-ldflags', flags.join(' '), ...packages], {
      cwd: join(import.meta.dirname, 'kubernetes'),
      env: { ...process.env, CGO_ENABLED: '0' },
    }),
  );
  rmSync(bin, { recursive: true, force: true });
  renameSync(next, bin);
  say(`binaries are in ${bin}`);
};
