import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { writeAtomic } from '../layout/atomic.ts';
import { openLayout } from '../layout/layout.ts';
import { tarEnd, tarHeader } from '../tar.ts';
import type { Target } from '../types.ts';

export interface ArchiveOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes an archive of an image layout with what `fill` puts into it. The file is there when all is in it, in place of
 * one that was there before, and not at all after a failure. The same content gives the same bytes. While it is filled,
 * the content lies in a folder beside it.
 */
export const writeArchive = async <T>(
  path: string,
  fill: (target: Target) => Promise<T>,
  { signal }: ArchiveOptions = {},
): Promise<T> => {
  const dir = await mkdtemp(join(dirname(path), `.${basename(path)}-`));
  try {
    const result = await fill(openLayout(dir));
    const stream = Readable.from(archiveOf(dir), { objectMode: false });
    await writeAtomic(dirname(path), path, stream, { signal });
    return result;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

async function* archiveOf(dir: string): AsyncGenerator<Uint8Array> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'));
  // What tells a reader that this is a layout goes first, then the index, so that it can be read as a stream.
  const first = ['index.json', 'oci-layout'];
  const rank = (name: string): string => `${first.length - first.indexOf(name)} ${name}`;
  for (const name of paths.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    const { size } = await stat(join(dir, name));
    yield tarHeader({ path: name, size });
    yield* createReadStream(join(dir, name)) as AsyncIterable<Buffer>;
    yield Buffer.alloc((512 - (size % 512)) % 512);
  }
  yield tarEnd();
}
