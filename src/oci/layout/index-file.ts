import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WaybillError } from '../../core/index.ts';
import { parseIndex } from '../manifest.ts';
import { type Descriptor, type Index, MEDIA_TYPES } from '../types.ts';
import { MANIFEST_CAP } from '../verify.ts';
import { writeAtomic } from './atomic.ts';
import { isAbsent } from './blobs.ts';
import { withLock } from './lock.ts';

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** The tag of an entry of `index.json`. */
export const tagOf = ({ annotations }: Descriptor): string | undefined => annotations?.[REF_NAME];

/** The entries of `index.json`; undefined if there is no such file. Throws `BadManifest` if it is no index. */
export const readIndex = async (dir: string): Promise<readonly Descriptor[] | undefined> => {
  const path = join(dir, 'index.json');
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength > MANIFEST_CAP) throw new WaybillError('TooLarge', `${path} has ${bytes.byteLength} bytes`);
    return parseIndex(bytes, path).manifests;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
};

/**
 * Changes the entries of `index.json`, making the layout if it is not there yet. Processes that do so at the same time
 * take turns, and a reader always sees a whole file.
 */
export const updateIndex = async (
  dir: string,
  change: (entries: readonly Descriptor[]) => readonly Descriptor[],
  signal?: AbortSignal,
): Promise<void> => {
  const marker = join(dir, 'oci-layout');
  if (!existsSync(marker)) await writeAtomic(dir, marker, Buffer.from('{"imageLayoutVersion":"1.0.0"}'), { signal });
  await withLock(
    join(dir, 'index.json.lock'),
    async () => {
      const before = (await readIndex(dir)) ?? [];
      const after = change(before);
      if (after === before) return;
      const index = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.index,
        manifests: [...after].sort(byTag),
      } satisfies Index;
      const text = `${JSON.stringify(index, undefined, 2)}\n`;
      await writeAtomic(dir, join(dir, 'index.json'), Buffer.from(text), { signal });
    },
    signal,
  );
};

/** Sorted, so that the same content gives the same file in whatever order it was pushed. */
const byTag = (a: Descriptor, b: Descriptor): number => compare(keyOf(a), keyOf(b));
const keyOf = (entry: Descriptor): string => `${tagOf(entry) ?? ''} ${entry.digest}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
