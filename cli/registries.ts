import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrors, invalidInput, WaybillError } from 'waybill';
import { type Place, parseReference } from 'waybill/oci';
import { parseYaml } from 'waybill/yaml';
import { z } from 'zod';
import type { Context } from './command.ts';

/** For each host, the mirrors that are asked before it: `HOST` or `HOST/PREFIX`. */
export type Mirrors = Readonly<Record<string, readonly string[]>>;

const CONFIG = z.strictObject({
  version: z.literal(1),
  mirrors: z.record(z.string(), z.array(z.string())).default({}),
});

/** `$XDG_CONFIG_HOME/waybill/registries.yaml`, by default below `~/.config`. */
const configPath = ({ env }: Pick<Context, 'env'>): string | undefined => {
  const folder = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, '.config') : undefined);
  return folder === undefined ? undefined : join(folder, 'waybill', 'registries.yaml');
};

/**
 * The mirrors of the user's configuration, and those of `--mirror HOST=MIRROR`, which go first. Throws `InvalidInput`
 * for a file that says something else, and `Usage` for a flag.
 */
export const readMirrors = (context: Pick<Context, 'env'>, flags: readonly string[]): Mirrors => {
  const found: Record<string, string[]> = {};
  const add = (host: string, mirror: string, where: string): void => {
    placeOf(mirror, '', where);
    const name = hostOf(host, where);
    found[name] = [...(found[name] ?? []), mirror];
  };
  for (const flag of flags) {
    const [, host = '', mirror = ''] = /^([^=]+)=(.+)$/.exec(flag) ?? [];
    if (host === '')
      throw new WaybillError('Usage', `--mirror ${flag} names no mirror`, { hint: '--mirror HOST=MIRROR' });
    add(host, mirror, `--mirror ${flag}`);
  }
  const path = configPath(context);
  for (const [host, mirrors] of Object.entries(path === undefined ? {} : readConfig(path))) {
    for (const mirror of mirrors) add(host, mirror, path as string);
  }
  return found;
};

/** The places to ask for a repository before its host. */
export const mirrorsOf =
  (mirrors: Mirrors) =>
  ({ host, repository }: Place): readonly Place[] =>
    (mirrors[host] ?? []).map((mirror) => placeOf(mirror, repository, mirror));

const readConfig = (path: string): Mirrors => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return {};
    throw new WaybillError('NotFound', `cannot read ${path}`, { cause });
  }
  const { documents, diagnostics } = parseYaml(text, { file: path });
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, path);
  const read = CONFIG.safeParse(documents[0]?.value ?? {});
  if (read.success) return read.data.mirrors;
  const [issue] = read.error.issues;
  throw new WaybillError('InvalidInput', `${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`, {
    hint: 'it has "version: 1" and "mirrors", a map of hosts to lists of mirrors',
  });
};

/** A host as references have it: `index.docker.io` is Docker Hub too. Throws `Usage`. */
export const hostOf = (text: string, where: string): string => placeOf(text.replace(/^https:\/\//, ''), '', where).host;

/** A repository below `HOST[/PREFIX]`; with an empty repository only the text is checked. */
const placeOf = (mirror: string, repository: string, where: string): Place => {
  const [, host = '', prefix] = /^([^/]+)(?:\/(.+?))?\/?$/.exec(mirror) ?? [];
  const path = [prefix, repository === '' ? 'any/thing' : repository].filter(Boolean).join('/');
  try {
    const parsed = parseReference(`${host}/${path}`);
    if (parsed.kind === 'registry' && parsed.tag === undefined) return { host: parsed.host, repository: path };
  } catch {}
  throw new WaybillError('Usage', `${where}: "${mirror}" is no host of a registry`, {
    hint: 'write HOST or HOST/PREFIX',
  });
};
