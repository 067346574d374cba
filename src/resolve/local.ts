import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Diagnostic, digestOf, hasErrors, invalidInput, WaybillError } from '../core/index.ts';
import { loadObjects } from '../tekton/index.ts';
import type { LocalObject } from './types.ts';

/** Largest file that is read, in bytes. */
const FILE_CAP = 4 * 1024 * 1024;

/** Most files that are read below one folder. */
const MOST_FILES = 1000;

const ENDINGS = /\.(?:ya?ml|json)$/;

/**
 * The Tekton objects of a file, or of all YAML and JSON files below a folder, in the order of their names; folders that
 * start with a dot and `node_modules` are left out. Throws `NotFound`, and `InvalidInput` with every finding.
 */
export const loadLocal = async (
  path: string,
  warn: (warning: Diagnostic) => void = () => {},
): Promise<readonly LocalObject[]> => {
  const files = await filesOf(path);
  const loaded = await Promise.all(files.map(loadFile));
  const objects = loaded.flatMap((one) => one.objects);
  const diagnostics = [...loaded.flatMap((one) => one.diagnostics), ...duplicates(objects)];
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, path);
  for (const warning of diagnostics) warn(warning);
  return objects;
};

/** One kind and name must mean one object; the finding stands at the second. */
const duplicates = (objects: readonly LocalObject[]): readonly Diagnostic[] => {
  const first = new Map<string, LocalObject>();
  return objects.flatMap((local) => {
    const { kind, metadata } = local.object;
    // Runs of a generated name are never the same object.
    if (metadata.name === undefined) return [];
    const before = first.get(`${kind}/${metadata.name}`);
    if (before === undefined) {
      first.set(`${kind}/${metadata.name}`, local);
      return [];
    }
    const message = `${kind} "${metadata.name}" stands in ${before.file} already`;
    return [local.diagnose(['metadata', 'name'], { code: 'duplicate-object', severity: 'error', message })];
  });
};

const filesOf = async (path: string): Promise<readonly string[]> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw new WaybillError('NotFound', `${path} cannot be read`, { cause, subject: path });
  });
  if (!found.isDirectory()) return [path];
  const files = await walk(path);
  if (files.length === 0) throw new WaybillError('NotFound', `${path} holds no YAML or JSON files`, { subject: path });
  return files;
};

const walk = async (folder: string): Promise<readonly string[]> => {
  const files: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile() && ENDINGS.test(entry.name)) files.push(path);
    else if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      files.push(...(await walk(path)));
    if (files.length > MOST_FILES) throw new WaybillError('TooLarge', `${folder} holds more than ${MOST_FILES} files`);
  }
  return files;
};

const loadFile = async (
  path: string,
): Promise<{ readonly objects: readonly LocalObject[]; readonly diagnostics: readonly Diagnostic[] }> => {
  const bytes = await readCapped(path);
  const digest = digestOf(bytes);
  const { objects, others, diagnostics } = loadObjects(bytes.toString('utf8'), path);
  const leftOut = others.map(({ document, kind, name }) =>
    document.diagnose(['kind'], {
      code: 'object-left-out',
      severity: 'warning',
      message: `${kind} "${name}" is no Tekton object and is left out`,
    }),
  );
  return { objects: objects.map((loaded) => ({ ...loaded, digest })), diagnostics: [...diagnostics, ...leftOut] };
};

const readCapped = async (path: string): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than the cap is enough to know.
    for await (const piece of createReadStream(path, { end: FILE_CAP })) pieces.push(piece);
  } catch (cause) {
    throw new WaybillError('NotFound', `${path} cannot be read`, { cause, subject: path });
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length > FILE_CAP) throw new WaybillError('TooLarge', `${path} has more than ${FILE_CAP} bytes`);
  return bytes;
};
