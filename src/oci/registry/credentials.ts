import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WaybillError } from '../../core/index.ts';
import { type ConfigFile, findAuth, parseConfigFile, parseOldConfigFile } from './config-file.ts';
import type { Credential, Credentials } from './credential.ts';
import { askHelper } from './helper.ts';
import { credentialHosts } from './hosts.ts';

export interface CredentialOptions {
  /** Given on the command line, for one host. */
  readonly given?: { readonly host: string; readonly credential: Credential };
  /** `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `HOME`, `XDG_RUNTIME_DIR` and `XDG_CONFIG_HOME` are read; helpers get all. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Looks credentials up where Docker's and Podman's tools do: what the user gave, then `REGISTRY_AUTH_FILE`, or else
 * `$DOCKER_CONFIG/config.json` (default `~/.docker/config.json`) and Podman's `auth.json` files. In a file
 * `credHelpers` go before `credsStore`, and that before `auths`. A host matches exactly or not at all; Podman's keys may
 * also name a repository or a part of its path. Each file and helper is asked once.
 */
export const createCredentials = ({ given, env }: CredentialOptions): Credentials => {
  const files = new Map<string, Promise<ConfigFile | undefined>>();
  const helped = new Map<string, Promise<Credential | undefined>>();
  const once = <T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> => {
    const found = known.get(key) ?? ask();
    known.set(key, found);
    return found;
  };
  const ask = (name: string, server: string): Promise<Credential | undefined> =>
    once(helped, `${name} ${server}`, () => askHelper(name, server, env));

  const lookUp = async (file: ConfigFile, host: string, repository: string): Promise<Credential | undefined> => {
    const hosts = credentialHosts(host);
    const { name, server } = helperFor(file, host);
    if (name !== undefined) {
      const stored = await ask(name, server);
      if (stored !== undefined || file.credHelpers?.[server] !== undefined) return stored;
    }
    return findAuth(file, hosts, repository);
  };

  return async (host, repository) => {
    if (given?.host === host) return given.credential;
    for (const path of credentialPaths(env)) {
      const file = await once(files, path, () => readConfigFile(path));
      const credential = file === undefined ? undefined : await lookUp(file, host, repository);
      if (credential !== undefined) return credential;
    }
    return undefined;
  };
};

/** The helper that a file names for a host, if any, and the server to ask it for. */
export const helperFor = (
  { credHelpers = {}, credsStore }: ConfigFile,
  host: string,
): { readonly name: string | undefined; readonly server: string } => {
  const hosts = credentialHosts(host);
  const own = hosts.find((name) => Object.hasOwn(credHelpers, name));
  if (own !== undefined) return { name: credHelpers[own], server: own };
  return { name: credsStore === '' ? undefined : credsStore, server: hosts[0] as string };
};

/** Credential files, most important first; the first is the one that a login writes to. */
export const credentialPaths = (env: NodeJS.ProcessEnv): readonly string[] => {
  const { REGISTRY_AUTH_FILE, DOCKER_CONFIG, HOME, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = env;
  if (REGISTRY_AUTH_FILE) return [REGISTRY_AUTH_FILE];
  const docker = DOCKER_CONFIG || (HOME ? join(HOME, '.docker') : undefined);
  const podman = XDG_CONFIG_HOME || (HOME ? join(HOME, '.config') : undefined);
  return [
    ...(docker ? [join(docker, 'config.json')] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
    ...(podman ? [join(podman, 'containers', 'auth.json')] : []),
  ];
};

const readConfigFile = async (path: string): Promise<ConfigFile | undefined> => {
  const text = await readCredentialText(path);
  if (text === undefined) return undefined;
  const parsed = parseConfigFile(text);
  if (parsed === undefined) throw noCredentialFile(path);
  return parsed;
};

/** The text of a credential file; undefined where there is none. Throws `Unauthorized`. */
export const readCredentialText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new WaybillError('Unauthorized', `credential file ${path} cannot be read`, { cause: error });
  }
};

/** Neither a parser's message nor the text is shown: both may hold a secret. */
export const noCredentialFile = (name: string): WaybillError =>
  new WaybillError('Unauthorized', `${name} is no credential file`, { hint: 'it must be JSON with "auths"' });

/** The types of Kubernetes' pull secrets, and the key of their data that holds the file. */
const PULL_SECRETS = {
  'kubernetes.io/dockerconfigjson': { key: '.dockerconfigjson', parse: parseConfigFile },
  'kubernetes.io/dockercfg': { key: '.dockercfg', parse: parseOldConfigFile },
} as const;

export interface PullSecret {
  /** For messages. */
  readonly name: string;
  readonly type: string;
  /** Decoded from base64. */
  readonly data: Readonly<Record<string, Uint8Array>>;
}

/**
 * The credentials of a pull secret of Kubernetes. Helpers that it names are not run: it comes from elsewhere. Hosts match
 * exactly, without the patterns that the kubelet knows. Throws `Unauthorized` for a secret that is none.
 * https://kubernetes.io/docs/concepts/containers/images/#config-json
 */
export const pullSecretCredentials = ({ name, type, data }: PullSecret): Credentials => {
  const kind = Object.hasOwn(PULL_SECRETS, type) ? PULL_SECRETS[type as keyof typeof PULL_SECRETS] : undefined;
  const bytes = kind === undefined ? undefined : data[kind.key];
  const file = bytes === undefined ? undefined : kind?.parse(Buffer.from(bytes).toString('utf8'));
  if (file === undefined) {
    throw new WaybillError('Unauthorized', `secret ${name} is no pull secret`, {
      hint: `its type is ${Object.keys(PULL_SECRETS).join(' or ')}`,
    });
  }
  return async (host, repository) => findAuth(file, credentialHosts(host), repository);
};

/** The first credential that any of them has. */
export const firstCredentials =
  (...all: readonly Credentials[]): Credentials =>
  async (host, repository) => {
    for (const credentials of all) {
      const found = await credentials(host, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  };
