import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Diagnostic, digestOf, hasErrors, invalidInput, WaybillError } from '../core/index.ts';
import { checkTogether, loadObjects } from '../tekton/index.ts';
import { MAX_YAML_BYTES } from '../yaml/index.ts';
import type { LocalObject } from './types.ts';

/** Bytes of a file that are read; one more, and it is too large for the YAML reader, which says so. */
const FILE_CAP = MAX_YAML_BYTES;

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
  const diagnostics = [...loaded.flatMap((one) => one.diagnostics), ...checkTogether(objects)];
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, path);
  for (const warning of diagnostics) warn(warning);
  return objects;
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
  return Buffer.concat(pieces);
};
