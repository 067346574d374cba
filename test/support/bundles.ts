import { join } from 'node:path';
import type { TestNamespace } from './namespace.ts';

export interface Signed {
  /** `HOST/REPO:TAG` */
  readonly bundle: string;
  readonly digest: string;
  /** Path of a policy that wants the bundle's key for everything beside it. */
  readonly policy: string;
  /** Path of the private key; the public one is beside it. */
  readonly key: string;
}

/** Fails with all that the tool said, where it did not end well. */
export const well = <T extends { readonly code: number | null; readonly stdout: string; readonly stderr: string }>(
  finished: T,
): T => {
  if (finished.code !== 0) throw new Error(`exit ${finished.code}\n${finished.stdout}\n${finished.stderr}`);
  return finished;
};

/** Makes a key pair; the result is the path of the private key without `.key`. */
export const makeKey = async (space: TestNamespace, name = 'test'): Promise<string> => {
  const path = join(space.folder, name);
  well(await space.cli(['keys', 'generate', '-d', path]));
  return path;
};

/** A policy of one rule, in a file. */
export const makePolicy = (space: TestNamespace, name: string, pattern: string, key: string): Promise<string> =>
  space.file(name, { version: 1, rules: [{ pattern, keys: [{ path: `${key}.pub` }] }] });

/** Packs and pushes files under a repository of this test; the digest is what the tool printed. */
export const pushBundle = async (
  space: TestNamespace,
  repository: string,
  paths: readonly string[],
): Promise<{ readonly bundle: string; readonly digest: string }> => {
  const bundle = `${space.cluster.registry}/${space.name}/${repository}`;
  const { stdout } = well(await space.cli(['push', ...paths, bundle, '-o', 'json']));
  return { bundle, digest: (JSON.parse(stdout) as { digest: string }).digest };
};

/** Pushes and signs, and writes the policy that holds it. */
export const pushSigned = async (
  space: TestNamespace,
  repository: string,
  paths: readonly string[],
): Promise<Signed> => {
  const pushed = await pushBundle(space, repository, paths);
  const key = await makeKey(space);
  well(await space.cli(['sign', '--key', `${key}.key`, pushed.bundle]));
  const policy = await makePolicy(space, 'policy.yaml', `${space.cluster.registry}/${space.name}/**`, key);
  return { ...pushed, policy, key: `${key}.key` };
};
