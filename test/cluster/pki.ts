import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from './files.ts';
import { NODE, NODE_IP, pathsOf, SERVICE_IP, type Settings } from './settings.ts';
import { run } from './shell.ts';

/** Who gets a client certificate: file name → subject. The groups and names are the ones that RBAC's defaults know. */
const CLIENTS = {
  admin: '/O=system:masters/CN=admin',
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  proxy: '/CN=system:kube-proxy',
  kubelet: `/O=system:nodes/CN=system:node:${NODE}`,
} as const;

const DAYS = '3650';
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const NAMES = [
  ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`),
  ...['127.0.0.1', SERVICE_IP, NODE_IP].map((ip) => `IP:${ip}`),
].join(',');

const certificate = async (dir: string, name: string, subject: string): Promise<void> => {
  const path = (suffix: string): string => join(dir, `${name}.${suffix}`);
  await run('openssl', ['req', ...EC, '-keyout', path('key'), '-out', path('csr'), '-subj', subject]);
  writeAtomic(path('ext'), `subjectAltName=${NAMES}\n`);
  const issuer = ['-CA', join(dir, 'ca.crt'), '-CAkey', join(dir, 'ca.key')];
  const serial = ['-set_serial', `0x${Buffer.from(name).toString('hex').slice(0, 32)}`];
  const output = ['-out', path('crt'), '-days', DAYS, '-extfile', path('ext')];
  await run('openssl', ['x509', '-req', '-in', path('csr'), ...issuer, ...serial, ...output]);
};

/** The CA, the serving certificate, the service-account key and the clients' certificates: all of them, or none. */
const createPki = async (pki: string): Promise<void> => {
  const dir = `${pki}.new`;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = ['-keyout', join(dir, 'ca.key'), '-out', join(dir, 'ca.crt')];
  await run('openssl', ['req', '-x509', ...EC, ...ca, '-subj', '/CN=waybill-test-cluster', '-days', DAYS]);
  const key = join(dir, 'sa.key');
  await run('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key]);
  await run('openssl', ['pkey', '-in', key, '-pubout', '-out', join(dir, 'sa.pub')]);
  const all = [['apiserver', '/CN=kube-apiserver'] as const, ...Object.entries(CLIENTS)];
  await Promise.all(all.map(([name, subject]) => certificate(dir, name, subject)));
  renameSync(dir, pki);
};

const kubeconfig = (pki: string, user: string, port: number): string => {
  const data = (file: string): string => readFileSync(join(pki, file)).toString('base64');
  return `apiVersion: v1
kind: Config
clusters:
  - name: waybill-test
    cluster:
      server: https://127.0.0.1:${port}
      certificate-authority-data: ${data('ca.crt')}
users:
  - name: ${user}
    user:
      client-certificate-data: ${data(`${user}.crt`)}
      client-key-data: ${data(`${user}.key`)}
contexts:
  - name: waybill-test
    context: { cluster: waybill-test, user: ${user} }
current-context: waybill-test
`;
};

/** The kubeconfig of a component. */
export const kubeconfigOf = (settings: Settings, user: keyof typeof CLIENTS): string =>
  user === 'admin' ? pathsOf(settings).kubeconfig : join(pathsOf(settings).conf, `${user}.kubeconfig`);

/** Makes keys and certificates where there are none, and a kubeconfig for each client. */
export const ensurePki = async (settings: Settings): Promise<void> => {
  const { pki } = pathsOf(settings);
  if (!existsSync(pki)) await createPki(pki);
  for (const user of Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]) {
    writeAtomic(kubeconfigOf(settings, user), kubeconfig(pki, user, settings.ports.apiserver), 0o600);
  }
};
