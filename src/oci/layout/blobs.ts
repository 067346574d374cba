import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Digest, hexOf, WaybillError } from '../../core/index.ts';
import type { ByteRange } from '../types.ts';

/** `blobs/ALGORITHM/HEX` below the layout's folder. */
export const blobPath = (dir: string, digest: Digest): string =>
  join(dir, 'blobs', digest.slice(0, digest.indexOf(':')), hexOf(digest));

/** The size of a stored blob in bytes; undefined if it is not there. */
export const blobSize = async (dir: string, digest: Digest): Promise<number | undefined> => {
  try {
    const found = await stat(blobPath(dir, digest));
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
};

/** A stored blob, or part of it, as a stream, opened before this returns; throws `NotFound`. */
export const openBlob = async (
  dir: string,
  digest: Digest,
  { range, signal }: { readonly range?: ByteRange | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<Readable> => {
  // Opening a FIFO would wait for a writer that never comes.
  if ((await blobSize(dir, digest)) === undefined) throw new WaybillError('NotFound', `${dir} has no ${digest}`);
  try {
    const handle = await open(blobPath(dir, digest));
    return createReadStream('', { fd: handle, ...range, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (isAbsent(error)) throw new WaybillError('NotFound', `${dir} has no ${digest}`);
    throw error;
  }
};

/** Whether an error of the file system says that a file, or a folder above it, is not there. */
export const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
