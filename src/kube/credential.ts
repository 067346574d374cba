import { readFile } from 'node:fs/promises';
import { WaybillError } from '../core/index.ts';
import { type Cluster as ExecCluster, type Identity, runExecPlugin } from './exec-plugin.ts';
import type { Exec } from './kubeconfig.ts';
import { shared } from './shared.ts';

/** How a kubeconfig says who we are. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'certificate'; readonly cert: string; readonly key: string }
  | { readonly kind: 'token'; readonly token: string; readonly cert?: string; readonly key?: string }
  | { readonly kind: 'tokenFile'; readonly path: string; readonly cert?: string; readonly key?: string }
  /** `file` is the kubeconfig, from whose folder a relative command counts. */
  | { readonly kind: 'exec'; readonly file: string; readonly exec: Exec };

/** Gives the identity for the next request. */
export interface Authenticator {
  current(signal?: AbortSignal): Promise<Identity>;
  /** The server refused the identity; true if a new one may be had. */
  refused(identity: Identity): boolean;
}

/** Kubernetes renews the token of a pod long before it ends; client-go reads the file as often. */
const TOKEN_FILE_MS = 60_000;
/** An identity that ends within this time is renewed. */
const MARGIN_MS = 10_000;

/** An authenticator that asks for a credential as seldom as it may. `now` is in milliseconds. */
export const createAuthenticator = (
  credential: Credential,
  { cluster, env, now = Date.now }: { cluster: ExecCluster; env: NodeJS.ProcessEnv; now?: () => number },
): Authenticator => {
  const fetchIdentity = async (signal: AbortSignal): Promise<{ identity: Identity; expires: number }> => {
    switch (credential.kind) {
      case 'none':
        return { identity: {}, expires: Number.POSITIVE_INFINITY };
      case 'certificate':
      case 'token': {
        const { kind: _, ...identity } = credential;
        return { identity, expires: Number.POSITIVE_INFINITY };
      }
      case 'tokenFile': {
        const { kind: _, path, ...certificate } = credential;
        const token = await readToken(path);
        return { identity: { ...certificate, token }, expires: now() + TOKEN_FILE_MS + MARGIN_MS };
      }
      case 'exec':
        return runExecPlugin(credential.exec, { file: credential.file, cluster, env, signal });
    }
  };
  let latest: { readonly identity: Identity; readonly expires: number } | undefined;
  const ask = shared(async (signal) => {
    latest = await fetchIdentity(signal);
    return latest.identity;
  });
  return {
    current: async (signal) =>
      latest !== undefined && latest.expires - MARGIN_MS > now() ? latest.identity : ask(signal),
    refused: (identity) => {
      const renewable = credential.kind === 'exec' || credential.kind === 'tokenFile';
      if (renewable && identity === latest?.identity) latest = undefined;
      return renewable;
    },
  };
};

const readToken = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new WaybillError('KubeConfig', `${path}: the token cannot be read`, { cause: error });
  }
};
