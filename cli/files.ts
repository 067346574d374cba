import { readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WaybillError } from 'waybill';

/** Largest file that is read, in bytes; the YAML reader has its own, smaller cap and says more. */
const CAP = 32 * 1024 * 1024;

/** A file's text; throws `NotFound` and `TooLarge`. `-` is standard input. */
export const readText = async (path: string, stdin: () => Promise<string>): Promise<string> => {
  if (path === '-') return stdin();
  try {
    const { size } = await stat(path);
    if (size > CAP) throw tooLarge(path);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof WaybillError) throw cause;
    throw new WaybillError('NotFound', `cannot read ${path}`, { cause, hint: reasonOf(cause) });
  }
};

const tooLarge = (what: string): WaybillError =>
  new WaybillError('TooLarge', `${what} is larger than ${CAP} bytes, which is all that is read`);

/** The text of a stream to its end, under the same cap as files; throws `TooLarge`. */
export const readAllText = async (stream: AsyncIterable<Buffer | string>): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > CAP) throw tooLarge('standard input');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** YAML and JSON files of the paths given, folders with all that is below them, sorted. Throws `NotFound`. */
export const findFiles = async (paths: readonly string[]): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const path of paths) {
    if (path === '-' || !(await isFolder(path))) {
      found.push(path);
      continue;
    }
    const names = await readdir(path, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile() && /\.(?:ya?ml|json)$/.test(entry.name));
    found.push(...files.map((entry) => join(entry.parentPath, entry.name)).sort());
  }
  if (found.length === 0) throw new WaybillError('NotFound', `no YAML or JSON files in ${paths.join(', ')}`);
  return [...new Set(found)];
};

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new WaybillError('NotFound', `${path} does not exist`, { cause });
  }
};

/** Writes a new file, whole or not at all; throws `Usage` where one exists and `overwrite` is not set. */
export const writeNew = async (
  path: string,
  content: string,
  { mode = 0o644, overwrite = false }: { readonly mode?: number; readonly overwrite?: boolean } = {},
): Promise<void> => {
  if (!overwrite) {
    try {
      await writeFile(path, content, { mode, flag: 'wx' });
      return;
    } catch (cause) {
      throw new WaybillError('Usage', `cannot write ${path}`, { cause, hint: reasonOf(cause) });
    }
  }
  const part = join(dirname(path), `.${process.pid}.part`);
  try {
    await writeFile(part, content, { mode, flag: 'wx' });
    await rename(part, path);
  } catch (cause) {
    await unlink(part).catch(() => undefined);
    throw new WaybillError('Usage', `cannot write ${path}`, { cause, hint: reasonOf(cause) });
  }
};

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'the file exists; nothing was overwritten',
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission is denied',
  EISDIR: 'it is a folder',
};

const reasonOf = (cause: unknown): string =>
  REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'the file system refused';
