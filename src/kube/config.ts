import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { WaybillError } from '../core/index.ts';
import { parseYaml } from '../yaml/index.ts';
import type { Credential } from './credential.ts';
import { type Cluster, type Entry, mergeKubeConfigs, pathIn, type User } from './kubeconfig.ts';

/** Where a cluster is, how to trust it, and who we are there. Certificates and keys are PEM. */
export interface ClusterAccess {
  /** URL without a slash at its end. */
  readonly server: string;
  /** Namespace of the context. */
  readonly namespace: string;
  /** Name of the context; null in a pod. */
  readonly context: string | null;
  readonly ca?: string;
  readonly skipVerify: boolean;
  readonly servername?: string;
  readonly credential: Credential;
}

export interface KubeConfigOptions {
  /** `KUBECONFIG`, `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Home folder, for `~/.kube/config`. */
  readonly home: string;
  /** A file that is used instead of all others (`--kubeconfig`). */
  readonly file?: string;
  /** Context to use instead of the current one. */
  readonly context?: string;
}

const CAP = 8 * 1024 * 1024;
const POD_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The cluster to talk to: of `file`, else of the files in `KUBECONFIG`, else of `~/.kube/config`, else, in a pod, its
 * service account. Throws `KubeConfig` where there is none, or where it asks for what Waybill does not support.
 */
export const loadClusterAccess = async (options: KubeConfigOptions): Promise<ClusterAccess> => {
  const access = await findClusterAccess(options);
  if (access !== undefined) return access;
  throw new WaybillError('KubeConfig', 'no kubeconfig found', {
    hint: 'set KUBECONFIG, give --kubeconfig FILE, or write ~/.kube/config',
  });
};

/** Like {@link loadClusterAccess}, but undefined where no cluster is configured at all. */
export const findClusterAccess = async ({
  env,
  home,
  file,
  context,
}: KubeConfigOptions): Promise<ClusterAccess | undefined> => {
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  const paths = file !== undefined ? [file] : listed.length > 0 ? listed : [join(home, '.kube', 'config')];
  const read = await Promise.all(paths.map((path) => readConfig(path, file !== undefined)));
  const files = read.filter((content) => content !== undefined);
  if (files.length > 0) return choose(files, context);
  const host = env.KUBERNETES_SERVICE_HOST;
  if (host === undefined || host === '' || context !== undefined) return undefined;
  return inPod(host, env.KUBERNETES_SERVICE_PORT ?? '443');
};

const readConfig = async (path: string, required: boolean): Promise<{ file: string; content: unknown } | undefined> => {
  const text = await readText(path, required);
  return text === undefined ? undefined : { file: path, content: parseConfig(text, path) };
};

const parseConfig = (text: string, file: string): unknown => {
  const { documents, diagnostics } = parseYaml(text, { file });
  const error = diagnostics.find(({ severity }) => severity === 'error');
  if (error !== undefined) {
    // Its excerpt is not passed on: it may be a secret.
    throw new WaybillError('KubeConfig', `${file}:${error.range?.start.line ?? 1}: ${error.code}`);
  }
  return documents[0]?.value;
};

const choose = async (
  files: readonly { file: string; content: unknown }[],
  wanted: string | undefined,
): Promise<ClusterAccess> => {
  const config = mergeKubeConfigs(files);
  const name = wanted ?? config.currentContext;
  const from = files.map(({ file }) => file).join(', ');
  const context = config.contexts.get(name)?.value;
  if (context === undefined) {
    const known = [...config.contexts.keys()].join(', ');
    throw new WaybillError(
      'KubeConfig',
      name === '' ? `${from}: no current context` : `${from}: no context "${name}"`,
      {
        hint: known === '' ? 'the file has no contexts' : `contexts: ${known}`,
      },
    );
  }
  const cluster = config.clusters.get(context.cluster);
  if (cluster === undefined) throw missing(from, `context "${name}" names cluster "${context.cluster}"`);
  const user = context.user ? config.users.get(context.user) : undefined;
  if (context.user && user === undefined) throw missing(from, `context "${name}" names user "${context.user}"`);
  return {
    ...(await clusterOf(cluster, context.cluster)),
    namespace: context.namespace || 'default',
    context: name,
    credential: user === undefined ? { kind: 'none' } : await credentialOf(user, context.user as string),
  };
};

const missing = (from: string, what: string): WaybillError =>
  new WaybillError('KubeConfig', `${from}: ${what}, which is not there`);

const clusterOf = async ({ file, value }: Entry<Cluster>, name: string) => {
  if (value['proxy-url']) throw unsupported(file, `cluster "${name}": proxy-url`);
  if (!value.server || !/^https?:\/\//.test(value.server) || !URL.canParse(value.server)) {
    throw new WaybillError('KubeConfig', `${file}: cluster "${name}" has no usable server`);
  }
  const ca = await material(file, value['certificate-authority-data'], value['certificate-authority']);
  return {
    server: value.server.replace(/\/+$/, ''),
    skipVerify: value['insecure-skip-tls-verify'] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(value['tls-server-name'] ? { servername: value['tls-server-name'] } : {}),
  };
};

/** Fields of a user that Waybill refuses rather than sends something else than was meant. */
const REFUSED = ['username', 'password', 'auth-provider', 'as', 'as-uid', 'as-groups', 'as-user-extra'];

const credentialOf = async ({ file, value }: Entry<User>, name: string): Promise<Credential> => {
  for (const field of REFUSED) {
    if (value[field] !== undefined && value[field] !== null) throw unsupported(file, `user "${name}": ${field}`);
  }
  const cert = await material(file, value['client-certificate-data'], value['client-certificate']);
  const key = await material(file, value['client-key-data'], value['client-key']);
  if ((cert === undefined) !== (key === undefined)) {
    throw new WaybillError('KubeConfig', `${file}: user "${name}" has a client certificate or key without the other`);
  }
  const certificate = cert === undefined || key === undefined ? {} : { cert, key };
  // kubectl's order: a token file wins over a token, both over a plugin.
  if (value.tokenFile) return { kind: 'tokenFile', path: pathIn(file, value.tokenFile), ...certificate };
  if (value.token) return { kind: 'token', token: value.token, ...certificate };
  if (value.exec) {
    if (!/^client\.authentication\.k8s\.io\/v1(?:beta1)?$/.test(value.exec.apiVersion)) {
      throw unsupported(file, `user "${name}": exec plugin ${value.exec.apiVersion}`);
    }
    return { kind: 'exec', file, exec: value.exec };
  }
  return cert === undefined || key === undefined ? { kind: 'none' } : { kind: 'certificate', cert, key };
};

const unsupported = (file: string, what: string): WaybillError =>
  new WaybillError('KubeConfig', `${file}: ${what} is not supported`, {
    hint: 'client certificates, token, tokenFile and exec plugins are',
  });

/** PEM text that stands in the file (base64) or in another one. */
const material = async (
  file: string,
  data: string | null | undefined,
  path: string | null | undefined,
): Promise<string | undefined> => {
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  return path ? readText(pathIn(file, path), true) : undefined;
};

const inPod = async (host: string, port: string): Promise<ClusterAccess> => {
  const [ca, namespace] = await Promise.all([
    readText(join(POD_FOLDER, 'ca.crt'), true),
    readText(join(POD_FOLDER, 'namespace'), true),
  ]);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace?.trim() || 'default',
    context: null,
    skipVerify: false,
    credential: { kind: 'tokenFile', path: join(POD_FOLDER, 'token') },
    ...(ca === undefined ? {} : { ca }),
  };
};

/** The text of a file; undefined where it does not exist and need not. */
const readText = async (path: string, required: boolean): Promise<string | undefined> => {
  try {
    const bytes = await readFile(path);
    if (bytes.length > CAP) throw new WaybillError('KubeConfig', `${path}: larger than ${CAP} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof WaybillError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw new WaybillError('KubeConfig', `${path}: cannot be read (${code})`, { cause: error });
  }
};
