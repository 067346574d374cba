import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Digest, hexOf, isDigest, isWaybillError } from '../core/index.ts';
import { writeAtomic } from './layout/atomic.ts';
import { sniffMediaType } from './manifest.ts';
import type { Descriptor, Store } from './types.ts';
import { assertMatches, collect, MANIFEST_CAP } from './verify.ts';

/** Content by its digest, kept between runs, by processes that share a folder. */
export interface Cache {
  /** The bytes of a digest if they are there and what they should be; what is not is thrown away. */
  get(digest: Digest): Promise<Buffer | undefined>;
  /** Keeps bytes that were verified. What cannot be kept (a full disk, a folder of somebody else) is no error. */
  put(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Content from the cache, or else from `load`: for those who ask at one time it is loaded once. */
  share(descriptor: Descriptor, load: () => Promise<Buffer>): Promise<Buffer>;
}

export interface CacheOptions {
  /** Bytes that the folder may have; above it what was not used for longest goes. */
  readonly cap?: number;
  readonly now?: () => number;
}

const CAP = 1024 * 1024 * 1024;
/** Content above this size (bytes) is not kept: the cache is for manifests, signatures and objects, not for images. */
const LARGEST = MANIFEST_CAP;
/** How full the folder is after something had to go. */
const REST = 0.9;
/** Milliseconds after which a file is marked as used again, or counts as left behind by a dead writer. */
const FRESH = 60_000;
const ABANDONED = 60 * 60_000;

/**
 * A cache in a folder, made when it is needed. Only what has a digest is in it, and a digest's content never changes: so
 * nothing in it is ever out of date, and nothing is believed without a look at its bytes.
 */
export const openCache = (dir: string, { cap = CAP, now = Date.now }: CacheOptions = {}): Cache => {
  const loading = new Map<Digest, Promise<Buffer>>();
  /** Bytes in the folder, as far as this process knows; counted with the first write. */
  let size: number | undefined;
  let sweeping: Promise<void> | undefined;

  const pathOf = (digest: Digest): string =>
    join(dir, digest.slice(0, digest.indexOf(':')), hexOf(digest).slice(0, 2), hexOf(digest));

  const sweep = async (): Promise<void> => {
    const files = await filesIn(dir);
    let total = files.reduce((sum, file) => sum + file.size, 0);
    const old = files.filter(({ path, used }) => path.includes('.ingest-') && now() - used > ABANDONED);
    for (const { path, size: freed } of old) {
      await rm(path, { force: true });
      total -= freed;
    }
    if (total > cap) {
      for (const file of files.filter((one) => !one.path.includes('.ingest-')).sort((a, b) => a.used - b.used)) {
        if (total <= cap * REST) break;
        await rm(file.path, { force: true });
        total -= file.size;
      }
    }
    size = total;
  };

  const get: Cache['get'] = async (digest) => {
    const path = pathOf(digest);
    try {
      const found = await stat(path);
      if (!found.isFile() || found.size > LARGEST) return undefined;
      const bytes = await readFile(path);
      assertMatches(bytes, { mediaType: '', digest, size: bytes.byteLength });
      if (now() - found.mtimeMs > FRESH) await utimes(path, now() / 1000, now() / 1000).catch(() => undefined);
      return bytes;
    } catch (error) {
      if (isWaybillError(error)) await rm(path, { force: true }).catch(() => undefined);
      return undefined;
    }
  };

  const put: Cache['put'] = async (digest, bytes) => {
    if (bytes.byteLength > Math.min(LARGEST, cap)) return;
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await writeAtomic(dir, pathOf(digest), bytes, { mode: 0o600, flush: false });
      if (size !== undefined) size += bytes.byteLength;
      if (size === undefined || size > cap) {
        sweeping ??= sweep().finally(() => {
          sweeping = undefined;
        });
        await sweeping;
      }
    } catch {
      // What was to be kept is in the caller's hands all the same.
    }
  };

  const share: Cache['share'] = async (descriptor, load) => {
    const { digest } = descriptor;
    const running = loading.get(digest);
    if (running !== undefined) {
      try {
        return await running;
      } catch (error) {
        // Who asked first has gone; those who waited with it have not.
        if (!(error instanceof Error && /^(?:Abort|Timeout)Error$/.test(error.name))) throw error;
        return share(descriptor, load);
      }
    }
    const find = async (): Promise<Buffer> => {
      const kept = await get(digest);
      if (kept !== undefined) return kept;
      const bytes = await load();
      await put(digest, bytes);
      return bytes;
    };
    const found = find().finally(() => loading.delete(digest));
    loading.set(digest, found);
    return found;
  };

  return { get, put, share };
};

interface File {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

const filesIn = async (dir: string): Promise<readonly File[]> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const found = await stat(path).catch(() => undefined);
        return found === undefined ? undefined : { path, size: found.size, used: found.mtimeMs };
      }),
  );
  return files.filter((file) => file !== undefined);
};

/**
 * A store whose manifests and small blobs are read through a cache. What is asked for by digest and is there needs no
 * request; tags, lists and large blobs are always the store's. A digest that the store has lost meanwhile is still found.
 */
export const cached = (store: Store, cache: Cache): Store => ({
  ...store,
  resolve: async (ref, signal) => {
    const bytes = isDigest(ref) ? await cache.get(ref) : undefined;
    const mediaType = bytes === undefined ? undefined : sniffMediaType(bytes);
    if (!isDigest(ref) || bytes === undefined || mediaType === undefined) return store.resolve(ref, signal);
    return { mediaType, digest: ref, size: bytes.byteLength };
  },
  fetch: async (descriptor, signal) => {
    if (descriptor.size > LARGEST) return store.fetch(descriptor, signal);
    const load = async (): Promise<Buffer> => collect(await store.fetch(descriptor, signal), descriptor);
    return Readable.from([await cache.share(descriptor, load)], { objectMode: false });
  },
});
