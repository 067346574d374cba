import { chmod, mkdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WaybillError } from '../../core/index.ts';
import { writeAtomic } from '../layout/atomic.ts';
import { withLock } from '../layout/lock.ts';
import { discard } from './body.ts';
import { type ClientOptions, createClient } from './client.ts';
import { normalise, parseConfigFile } from './config-file.ts';
import { type Credential, IDENTITY_USER } from './credential.ts';
import { credentialPaths, helperFor, noCredentialFile, readCredentialText } from './credentials.ts';
import { eraseWithHelper, storeWithHelper } from './helper.ts';
import { credentialHosts } from './hosts.ts';
import { clientOptions } from './registry.ts';

/**
 * Asks a registry whether it lets a credential in; `open` where it asks nobody, so that nothing was checked. Throws
 * `Unauthorized`. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
 */
export const checkCredential = async (
  host: string,
  credential: Credential,
  options: Partial<ClientOptions> = {},
): Promise<'checked' | 'open'> => {
  let asked = false;
  const credentials = async (): Promise<Credential> => {
    asked = true;
    return credential;
  };
  const client = createClient(host, '', { ...clientOptions(options), credentials });
  const response = await client.send({ method: 'GET', to: '', action: 'pull', what: 'the login', accept: [200] });
  await discard(response);
  return asked ? 'checked' : 'open';
};

/** Where a credential was put or taken from. */
export type Keeper =
  | { readonly kind: 'helper'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

/**
 * Keeps a credential for a host: with the helper that the user's credential file names, or else in that file, which
 * then can be read by its owner alone. What else the file holds stays. Throws `Unauthorized`.
 */
export const saveCredential = async (host: string, credential: Credential, env: NodeJS.ProcessEnv): Promise<Keeper> => {
  const path = await pathOf(env);
  const { name, server } = helperFor((await readFileAt(path)).file, host);
  if (name !== undefined) {
    await storeWithHelper(name, server, credential, env);
    return { kind: 'helper', name };
  }
  await changeAuths(path, (auths) => ({ ...without(auths, host), [server]: entryOf(credential) }));
  return { kind: 'file', path };
};

/** Forgets the credential of a host, in the helper and in the file; the result says where there was one. */
export const forgetCredential = async (host: string, env: NodeJS.ProcessEnv): Promise<readonly Keeper[]> => {
  const path = await pathOf(env);
  const { raw, file } = await readFileAt(path);
  const { name, server } = helperFor(file, host);
  const gone: Keeper[] = [];
  if (name !== undefined && (await eraseWithHelper(name, server, env))) gone.push({ kind: 'helper', name });
  const before = authsOf(raw);
  if (Object.keys(without(before, host)).length < Object.keys(before).length) {
    await changeAuths(path, (auths) => without(auths, host));
    gone.push({ kind: 'file', path });
  }
  return gone;
};

type Json = Record<string, unknown>;

const entryOf = (credential: Credential): Json => {
  switch (credential.kind) {
    case 'basic':
      return { auth: Buffer.from(`${credential.username}:${credential.password}`, 'utf8').toString('base64') };
    case 'identity':
      return { auth: Buffer.from(`${IDENTITY_USER}:`).toString('base64'), identitytoken: credential.token };
    case 'bearer':
      return { registrytoken: credential.token };
  }
};

/** All entries but those of a host, under whatever spelling. Entries of repositories below it stay. */
const without = (auths: Json, host: string): Json => {
  const names = credentialHosts(host).map(normalise);
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !names.includes(normalise(key))));
};

const authsOf = ({ auths }: Json): Json =>
  auths !== null && typeof auths === 'object' && !Array.isArray(auths) ? (auths as Json) : {};

/** The file to write to; a link is followed, so that it stays one. */
const pathOf = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const [path] = credentialPaths(env);
  if (path === undefined) {
    throw new WaybillError('Unauthorized', 'there is no place for credentials', {
      hint: 'set REGISTRY_AUTH_FILE, DOCKER_CONFIG or HOME',
    });
  }
  return realpath(path).catch(() => path);
};

const readFileAt = async (path: string) => {
  const text = (await readCredentialText(path)) ?? '{}';
  const file = parseConfigFile(text);
  if (file === undefined) throw noCredentialFile(path);
  return { raw: JSON.parse(text) as Json, file };
};

const changeAuths = async (path: string, change: (auths: Json) => Json): Promise<void> => {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await withLock(`${path}.lock`, async () => {
    const { raw } = await readFileAt(path);
    const text = `${JSON.stringify({ ...raw, auths: change(authsOf(raw)) }, undefined, 2)}\n`;
    await writeAtomic(folder, path, Buffer.from(text), { mode: 0o600 });
    await chmod(path, 0o600);
  });
};
