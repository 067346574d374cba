import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { kubeconfigOf } from './pki.ts';
import type { Command } from './processes.ts';
import { NODE, NODE_IP, POD_CIDR, type Port, pathsOf, SERVICE_CIDR, type Settings } from './settings.ts';

/** A process of the cluster. */
export interface Component {
  readonly name: string;
  readonly argv: readonly string[];
  /** Ports it listens on: they must be free before, and are waited for after. */
  readonly ports: readonly Port[];
  /** Files beside its command line that it reads once, when it starts. */
  readonly reads?: readonly string[];
  /** True as soon as it answers. */
  readonly ready: () => Promise<boolean>;
}

const answers = async (url: string, status = 200): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2000) })).status === status;

const listens = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** The processes of the cluster in the order in which they are started; `down` goes the other way. */
export const componentsOf = (settings: Settings, api: { ready(): Promise<boolean> }): readonly Component[] => {
  const { dir, ports } = settings;
  const paths = pathsOf(settings);
  const local = (port: Port): string => `http://127.0.0.1:${ports[port]}`;
  const pki = (file: string): string => join(paths.pki, file);
  const etcd = local('etcd');
  const peer = local('etcdPeer');
  const client = (user: Parameters<typeof kubeconfigOf>[1]): string[] => {
    const file = kubeconfigOf(settings, user);
    return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`];
  };
  // Serving certificates that a component makes itself belong into memory, not into /var/run/kubernetes.
  const secure = (port: Port): string[] => ['--bind-address=127.0.0.1', `--secure-port=${ports[port]}`];

  return [
    {
      name: 'registry',
      argv: ['/usr/bin/docker-registry', 'serve', join(paths.conf, 'registry.yml')],
      ports: ['registry'],
      ready: () => answers(`${local('registry')}/v2/`),
    },
    {
      name: 'registry-auth',
      argv: ['/usr/bin/docker-registry', 'serve', join(paths.conf, 'registry-auth.yml')],
      ports: ['registryAuth'],
      ready: () => answers(`${local('registryAuth')}/v2/`, 401),
    },
    {
      name: 'containerd',
      argv: ['/usr/bin/containerd', '--config', join(paths.conf, 'containerd.toml')],
      ports: [],
      ready: () => listens(paths.socket),
    },
    {
      name: 'etcd',
      argv: [
        '/usr/bin/etcd',
        `--data-dir=${join(dir, 'etcd')}`,
        `--listen-client-urls=${etcd}`,
        `--advertise-client-urls=${etcd}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
        // The state of a test cluster need not survive a power cut.
        '--unsafe-no-fsync',
      ],
      ports: ['etcd', 'etcdPeer'],
      ready: () => answers(`${etcd}/health`),
    },
    {
      name: 'apiserver',
      argv: [
        join(paths.bin, 'kube-apiserver'),
        `--etcd-servers=${etcd}`,
        '--bind-address=0.0.0.0',
        `--advertise-address=${NODE_IP}`,
        `--secure-port=${ports.apiserver}`,
        `--tls-cert-file=${pki('apiserver.crt')}`,
        `--tls-private-key-file=${pki('apiserver.key')}`,
        `--client-ca-file=${pki('ca.crt')}`,
        `--service-account-key-file=${pki('sa.pub')}`,
        `--service-account-signing-key-file=${pki('sa.key')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-cluster-ip-range=${SERVICE_CIDR}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged',
        `--kubelet-client-certificate=${pki('admin.crt')}`,
        `--kubelet-client-key=${pki('admin.key')}`,
        '--kubelet-preferred-address-types=InternalIP,Hostname',
        '--enable-aggregator-routing',
      ],
      ports: ['apiserver'],
      reads: [pki('apiserver.crt')],
      ready: () => api.ready(),
    },
    {
      name: 'controller-manager',
      argv: [
        join(paths.bin, 'kube-controller-manager'),
        ...client('controller-manager'),
        ...secure('controllerManager'),
        `--cert-dir=${join(paths.run, 'controller-manager')}`,
        `--service-account-private-key-file=${pki('sa.key')}`,
        `--root-ca-file=${pki('ca.crt')}`,
        '--use-service-account-credentials',
        '--leader-elect=false',
        `--flex-volume-plugin-dir=${join(paths.kubelet, 'volume-plugins')}`,
      ],
      ports: ['controllerManager'],
      reads: [kubeconfigOf(settings, 'controller-manager')],
      ready: async () => true, // what it makes is waited for: the default service account
    },
    {
      name: 'scheduler',
      argv: [
        join(paths.bin, 'kube-scheduler'),
        ...client('scheduler'),
        ...secure('scheduler'),
        `--cert-dir=${join(paths.run, 'scheduler')}`,
        '--leader-elect=false',
      ],
      ports: ['scheduler'],
      reads: [kubeconfigOf(settings, 'scheduler')],
      ready: async () => true, // a pod that waits a moment for it is no failure
    },
    {
      name: 'kubelet',
      argv: [
        join(paths.bin, 'kubelet'),
        `--config=${join(paths.conf, 'kubelet.json')}`,
        `--kubeconfig=${kubeconfigOf(settings, 'kubelet')}`,
        `--hostname-override=${NODE}`,
        `--node-ip=${NODE_IP}`,
        `--root-dir=${paths.kubelet}`,
        `--cert-dir=${join(paths.kubelet, 'pki')}`,
      ],
      ports: ['kubelet', 'kubeletHealth'],
      reads: [kubeconfigOf(settings, 'kubelet')],
      ready: () => answers(`${local('kubeletHealth')}/healthz`),
    },
    {
      name: 'proxy',
      argv: [
        join(paths.bin, 'kube-proxy'),
        `--kubeconfig=${kubeconfigOf(settings, 'proxy')}`,
        '--proxy-mode=iptables',
        '--iptables-localhost-nodeports=false',
        `--hostname-override=${NODE}`,
        `--cluster-cidr=${POD_CIDR}`,
        `--healthz-bind-address=127.0.0.1:${ports.proxyHealth}`,
        `--metrics-bind-address=127.0.0.1:${ports.proxyMetrics}`,
        '--conntrack-max-per-core=0',
        '--conntrack-tcp-timeout-established=0',
        '--conntrack-tcp-timeout-close-wait=0',
      ],
      ports: ['proxyHealth', 'proxyMetrics'],
      reads: [kubeconfigOf(settings, 'proxy')],
      ready: () => answers(`${local('proxyHealth')}/livez`),
    },
  ];
};

/** The command of a component, with a hash that changes when it has to be started anew. */
export const commandOf = ({ name, argv, reads }: Component, config: string): Command => {
  const hash = createHash('sha256').update(JSON.stringify(argv)).update(config);
  for (const file of reads ?? []) hash.update(readFileSync(file));
  return { name, argv, hash: hash.digest('hex').slice(0, 16) };
};
