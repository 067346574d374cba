import { z } from 'zod';
import { type Credential, credentialOf } from './credential.ts';

const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

const auths = z.record(z.string(), entry);

const config = z.object({
  auths: auths.optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

/** What is read of a `config.json`. https://github.com/docker/cli/blob/v28.0.0/cli/config/configfile/file.go */
export type ConfigFile = z.infer<typeof config>;

/** A text as a credential file; undefined for what is none. What is wrong is not said: the text may hold secrets. */
export const parseConfigFile = (text: string): ConfigFile | undefined => config.safeParse(readJson(text)).data;

/** A text in the form from before Docker 1.7, which is the map of `auths` alone. */
export const parseOldConfigFile = (text: string): ConfigFile | undefined => {
  const parsed = auths.safeParse(readJson(text));
  return parsed.success ? { auths: parsed.data } : undefined;
};

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The credential that `auths` hold for a repository: the one of the longest path that is above it, or of its host. */
export const findAuth = (
  { auths: entries = {} }: ConfigFile,
  hosts: readonly string[],
  repository: string,
): Credential | undefined => {
  const keys = new Map(Object.keys(entries).map((key) => [normalise(key), key]));
  for (const candidate of candidates(hosts, repository)) {
    const key = keys.get(candidate);
    const credential = key === undefined ? undefined : fromEntry(entries[key]);
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

/** A key as a host or a path: Docker's older tools wrote URLs with an API version. */
export const normalise = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');

const fromEntry = (found: z.infer<typeof entry> | undefined): Credential | undefined => {
  if (found === undefined) return undefined;
  if (found.registrytoken) return { kind: 'bearer', token: found.registrytoken };
  if (found.identitytoken) return { kind: 'identity', token: found.identitytoken };
  if (found.username !== undefined && found.password !== undefined) return credentialOf(found.username, found.password);
  const text = Buffer.from(found.auth ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : credentialOf(text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, ''));
};
