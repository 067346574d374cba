import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { WaybillError } from '../core/index.ts';
import { type Exec, pathIn } from './kubeconfig.ts';

/** What goes with a request: a bearer token, a client certificate with its key, both, or nothing. */
export interface Identity {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a plugin is told of the cluster, where the kubeconfig says `provideClusterInfo`. */
export interface Cluster {
  readonly server: string;
  readonly ca?: string;
  readonly servername?: string;
  readonly skipVerify: boolean;
}

const CAP = 1024 * 1024;

const CREDENTIAL = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.looseObject({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).optional(),
  }),
});

/**
 * Runs a credential plugin and reads what it prints. Its standard error goes to ours, as with kubectl: it may ask the
 * user for something. Throws `KubeConfig`; what the plugin printed is never part of a message.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export const runExecPlugin = async (
  exec: Exec,
  { file, cluster, env, signal }: { file: string; cluster: Cluster; env: NodeJS.ProcessEnv; signal?: AbortSignal },
): Promise<{ identity: Identity; expires: number }> => {
  const mode = exec.interactiveMode ?? 'IfAvailable';
  const interactive = mode !== 'Never' && process.stdin.isTTY === true;
  if (mode === 'Always' && !interactive) throw failure(exec, 'needs a terminal');
  const info = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive, ...(exec.provideClusterInfo ? { cluster: infoOf(cluster) } : {}) },
  };
  const added = (exec.env ?? []).map(({ name, value }) => [name, value] as const);
  const output = await run(exec, {
    // A command with a slash counts from the kubeconfig's folder, one without is looked up in PATH.
    command: exec.command.includes('/') && !isAbsolute(exec.command) ? pathIn(file, exec.command) : exec.command,
    env: { ...env, ...Object.fromEntries(added), KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    interactive,
    signal,
  });
  const parsed = CREDENTIAL.safeParse(asJson(output));
  if (!parsed.success || parsed.data.apiVersion !== exec.apiVersion) {
    throw failure(exec, `printed no ExecCredential of ${exec.apiVersion}`);
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = parsed.data.status;
  if ((cert === undefined) !== (key === undefined) || (token === undefined && cert === undefined)) {
    throw failure(exec, 'printed neither a token nor a certificate with its key');
  }
  return {
    identity: { ...(token && { token }), ...(cert && { cert }), ...(key && { key }) },
    expires: expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(expirationTimestamp),
  };
};

const run = (
  exec: Exec,
  options: {
    readonly command: string;
    readonly env: NodeJS.ProcessEnv;
    readonly interactive: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<string> =>
  new Promise((done, fail) => {
    const child = spawn(options.command, exec.args ?? [], {
      env: options.env,
      stdio: [options.interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
      ...(options.signal && { signal: options.signal }),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= CAP) {
        chunks.push(chunk);
        return;
      }
      child.kill();
      // A child of the plugin may go on writing: without the pipe it cannot.
      child.stdout.destroy();
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (options.signal?.aborted) fail(options.signal.reason);
      else fail(failure(exec, error.code === 'ENOENT' ? 'is not installed' : 'cannot be started', error));
    });
    child.on('close', (code, signal) => {
      if (size > CAP) fail(failure(exec, `printed more than ${CAP} bytes`));
      else if (code !== 0) fail(failure(exec, `ended with ${code ?? signal}`));
      else done(Buffer.concat(chunks).toString('utf8'));
    });
  });

const failure = (exec: Exec, what: string, cause?: unknown): WaybillError =>
  new WaybillError('KubeConfig', `credential plugin ${exec.command} ${what}`, {
    cause,
    ...(exec.installHint ? { hint: exec.installHint } : {}),
  });

const infoOf = ({ server, ca, servername, skipVerify }: Cluster) => ({
  server,
  ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
  ...(servername === undefined ? {} : { 'tls-server-name': servername }),
  ...(skipVerify ? { 'insecure-skip-tls-verify': true } : {}),
});

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
