import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WaybillError } from '../../core/index.ts';
import { type Credential, type Credentials, credentialOf } from './credential.ts';
import { askHelper } from './helper.ts';
import { credentialHosts } from './hosts.ts';

const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

const config = z.object({
  auths: z.record(z.string(), entry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

type Config = z.infer<typeof config>;

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
 * also name a repository or a part of its path.
 */
export const createCredentials = ({ given, env }: CredentialOptions): Credentials => {
  const files = new Map<string, Promise<Config | undefined>>();
  const read = (path: string): Promise<Config | undefined> => {
    const known = files.get(path) ?? readConfig(path);
    files.set(path, known);
    return known;
  };
  return async (host, repository) => {
    if (given?.host === host) return given.credential;
    for (const path of paths(env)) {
      const found = await read(path);
      const credential = found === undefined ? undefined : await lookUp(found, host, repository, env);
      if (credential !== undefined) return credential;
    }
    return undefined;
  };
};

/** Credential files, most important first. */
const paths = (env: NodeJS.ProcessEnv): readonly string[] => {
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

const readConfig = async (path: string): Promise<Config | undefined> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new WaybillError('Unauthorized', `credential file ${path} cannot be read`, { cause: error });
  }
  try {
    return config.parse(JSON.parse(text));
  } catch {
    // Neither the parser's message nor the text is shown: both may hold a secret.
    throw new WaybillError('Unauthorized', `${path} is no credential file`, { hint: 'it must be JSON with "auths"' });
  }
};

const lookUp = async (
  { auths = {}, credHelpers = {}, credsStore }: Config,
  host: string,
  repository: string,
  env: NodeJS.ProcessEnv,
): Promise<Credential | undefined> => {
  const hosts = credentialHosts(host);
  const helped = hosts.find((name) => credHelpers[name] !== undefined);
  if (helped !== undefined) return askHelper(credHelpers[helped] as string, helped, env);
  if (credsStore !== undefined && credsStore !== '') {
    const stored = await askHelper(credsStore, hosts[0] as string, env);
    if (stored !== undefined) return stored;
  }
  const keys = new Map(Object.keys(auths).map((key) => [normalise(key), key]));
  for (const candidate of candidates(hosts, repository)) {
    const key = keys.get(candidate);
    const credential = key === undefined ? undefined : fromEntry(auths[key]);
    if (credential !== undefined) return credential;
  }
  return undefined;
};

/** The keys that may stand for a repository: its path, the paths above it, the host. */
const candidates = (hosts: readonly string[], repository: string): readonly string[] => {
  const parts = repository.split('/');
  const names = hosts.map(normalise);
  return parts
    .map((_, index) => parts.slice(0, parts.length - index).join('/'))
    .flatMap((path) => names.map((name) => `${name}/${path}`))
    .concat(names);
};

/** Docker's older tools wrote keys as URLs with an API version. */
const normalise = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');

const fromEntry = (found: z.infer<typeof entry> | undefined): Credential | undefined => {
  if (found === undefined) return undefined;
  if (found.registrytoken) return { kind: 'bearer', token: found.registrytoken };
  if (found.identitytoken) return { kind: 'identity', token: found.identitytoken };
  if (found.username !== undefined && found.password !== undefined) return credentialOf(found.username, found.password);
  const text = Buffer.from(found.auth ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : credentialOf(text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, ''));
};
