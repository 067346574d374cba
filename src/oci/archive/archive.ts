import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Digest, hexOf, isDigest, WaybillError } from '../../core/index.ts';
import { isAbsent } from '../layout/blobs.ts';
import { tagOf } from '../layout/index-file.ts';
import { isManifestLike, parseIndex, referrerOf, sniffMediaType } from '../manifest.ts';
import type { Content, Descriptor, Source, Store } from '../types.ts';
import { collect, MANIFEST_CAP } from '../verify.ts';
import { type Entry, readEntries } from './entries.ts';

/** Bytes that are read at a time. */
const CHUNK = 64 * 1024;

interface Opened {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly manifests: readonly Descriptor[];
}

/**
 * A tar archive of an image layout, read where it lies: only its headers and what is asked for. It cannot be written to
 * (see `writeArchive`). The file is opened for each read, so that nothing has to be closed.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export const openArchive = (path: string): Store => {
  let opened: Promise<Opened> | undefined;

  const withFile = async <T>(task: (file: FileHandle) => Promise<T>): Promise<T> => {
    const file = await openFile(path);
    try {
      return await task(file);
    } finally {
      await file.close();
    }
  };

  const bytesOf = async (file: FileHandle, { at, size }: Entry, name: string): Promise<Buffer> => {
    if (size > MANIFEST_CAP) throw new WaybillError('TooLarge', `${name} of ${path} has ${size} bytes`);
    return (await file.read(Buffer.alloc(size), 0, size, at)).buffer;
  };

  const load = (): Promise<Opened> => {
    opened ??= withFile(async (file) => {
      const entries = await readEntries(file, path);
      const index = entries.get('index.json');
      if (index === undefined) {
        throw new WaybillError('NotFound', `${path} is no OCI image layout`, { hint: 'it has no index.json' });
      }
      return { entries, manifests: parseIndex(await bytesOf(file, index, 'index.json'), path).manifests };
    });
    return opened;
  };

  const entryOf = async (digest: Digest): Promise<Entry | undefined> =>
    (await load()).entries.get(`blobs/${digest.slice(0, digest.indexOf(':'))}/${hexOf(digest)}`);

  const fetch: Source['fetch'] = async ({ digest }, signal) => {
    const entry = await entryOf(digest);
    if (entry === undefined) throw new WaybillError('NotFound', `${path} has no ${digest}`);
    return Readable.from(piecesOf(path, entry, signal), { objectMode: false });
  };

  const manifestOf = async (digest: Digest, signal?: AbortSignal): Promise<Content | undefined> => {
    const entry = await entryOf(digest);
    if (entry === undefined || entry.size > MANIFEST_CAP) return undefined;
    const descriptor = { mediaType: '', digest, size: entry.size };
    const bytes = await collect(await fetch(descriptor, signal), descriptor);
    const mediaType = sniffMediaType(bytes);
    return mediaType === undefined ? undefined : { descriptor: { ...descriptor, mediaType }, bytes };
  };

  const readOnly = async (): Promise<never> => {
    throw new WaybillError('Usage', `${path} is an archive, which is written as a whole`, {
      hint: 'write to a layout folder (oci:DIR), or save to an archive',
    });
  };

  return {
    resolve: async (ref, signal) => {
      const { manifests } = await load();
      const entry = manifests.find((each) => (isDigest(ref) ? each.digest === ref : tagOf(each) === ref));
      // A child of an index has no entry of its own.
      const found = entry ?? (isDigest(ref) ? (await manifestOf(ref, signal))?.descriptor : undefined);
      if (found === undefined) throw new WaybillError('NotFound', `${path} has no "${ref}"`);
      return { mediaType: found.mediaType, digest: found.digest, size: found.size };
    },
    fetch,
    exists: async ({ digest, size }) => (await entryOf(digest))?.size === size,
    tags: async function* () {
      yield* [...new Set((await load()).manifests.map(tagOf).filter((tag) => tag !== undefined))].sort();
    },
    referrers: async function* ({ digest }, artifactType, signal) {
      const seen = new Set<Digest>();
      for (const entry of (await load()).manifests) {
        if (seen.has(entry.digest) || !isManifestLike(entry.mediaType)) continue;
        seen.add(entry.digest);
        const content = await manifestOf(entry.digest, signal);
        const found = content === undefined ? undefined : referrerOf(content);
        if (found?.subject.digest !== digest) continue;
        if (artifactType === undefined || found.referrer.artifactType === artifactType) yield found.referrer;
      }
    },
    push: readOnly,
    tag: readOnly,
    delete: readOnly,
  };
};

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path);
  } catch (cause) {
    throw new WaybillError('NotFound', isAbsent(cause) ? `${path} does not exist` : `${path} cannot be read`, {
      cause,
    });
  }
};

async function* piecesOf(path: string, { at, size }: Entry, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const file = await openFile(path);
  try {
    for (let passed = 0; passed < size; ) {
      signal?.throwIfAborted();
      const length = Math.min(CHUNK, size - passed);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at + passed);
      if (bytesRead === 0) return;
      passed += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
