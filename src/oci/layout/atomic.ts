import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Permissions of a new file. */
  readonly mode?: number;
  /** False for what may be lost in a power cut, as everything that is checked when it is read. */
  readonly flush?: boolean;
}

/**
 * Writes a file so that a reader sees all of it or nothing: under a name of its own in `dir`, onto the disk, then
 * renamed. A failing body leaves nothing behind.
 */
export const writeAtomic = async (
  dir: string,
  path: string,
  body: Readable | Uint8Array,
  { signal, mode = 0o666, flush = true }: WriteOptions = {},
): Promise<void> => {
  const unfinished = join(dir, `.ingest-${randomUUID()}`);
  await mkdir(dirname(path), { recursive: true });
  const abort = signal === undefined ? {} : { signal };
  try {
    if (body instanceof Readable) await pipeline(body, createWriteStream(unfinished, { flush, mode }), abort);
    else await writeFile(unfinished, body, { flush, mode, ...abort });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
};
