import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Digest, isDigest, WaybillError } from '../../core/index.ts';
import { isManifestLike, referrerOf, sniffMediaType } from '../manifest.ts';
import { assertTag } from '../reference.ts';
import type { Content, Descriptor, Repository, Store } from '../types.ts';
import { assertMatches, checkedBody, checkedBytes, collect, MANIFEST_CAP } from '../verify.ts';
import { writeAtomic } from './atomic.ts';
import { blobPath, blobSize, openBlob } from './blobs.ts';
import { REF_NAME, readIndex, tagOf, updateIndex } from './index-file.ts';

/**
 * A folder in the OCI image layout, made with the first push. Every manifest that is pushed is an entry of
 * `index.json`, with its tags in `org.opencontainers.image.ref.name`. Several processes may use one folder.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export const openLayout = (dir: string): Repository => {
  const entries = async (): Promise<readonly Descriptor[]> => {
    const found = await readIndex(dir);
    if (found === undefined) {
      throw new WaybillError('NotFound', `${dir} is no OCI image layout`, { hint: 'it has no index.json' });
    }
    return found;
  };

  const readManifest = async (digest: Digest, signal?: AbortSignal): Promise<Content | undefined> => {
    const size = await blobSize(dir, digest);
    if (size === undefined || size > MANIFEST_CAP) return undefined;
    const bytes = await collect(await openBlob(dir, digest, { signal }), { mediaType: '', digest, size });
    const mediaType = sniffMediaType(bytes);
    return mediaType === undefined ? undefined : { descriptor: { mediaType, digest, size }, bytes };
  };

  const resolve: Store['resolve'] = async (ref, signal) => {
    const known = await entries();
    const entry = known.find((each) => (isDigest(ref) ? each.digest === ref : tagOf(each) === ref));
    // A child of an index has no entry of its own in layouts that other tools wrote.
    const found = entry ?? (isDigest(ref) ? (await readManifest(ref, signal))?.descriptor : undefined);
    if (found === undefined) throw new WaybillError('NotFound', `${dir} has no "${ref}"`);
    return bare(found);
  };

  const pushManifest = async (descriptor: Descriptor, bytes: Uint8Array, signal?: AbortSignal): Promise<void> => {
    referrerOf({ descriptor, bytes });
    await writeAtomic(dir, blobPath(dir, descriptor.digest), bytes, { signal });
    await updateIndex(
      dir,
      (before) => (before.some(({ digest }) => digest === descriptor.digest) ? before : [...before, bare(descriptor)]),
      signal,
    );
  };

  return {
    resolve,
    fetch: async ({ digest }, signal) => openBlob(dir, digest, { signal }),
    read: (digest, range, signal) => openBlob(dir, digest, { range, signal }),
    sizeOf: (digest) => blobSize(dir, digest),
    exists: async ({ mediaType, digest, size }) => {
      if ((await blobSize(dir, digest)) !== size) return false;
      if (!isManifestLike(mediaType)) return true;
      return (await readIndex(dir))?.some((entry) => entry.digest === digest) ?? false;
    },
    tags: async function* () {
      const names = (await entries()).map(tagOf).filter((tag) => tag !== undefined);
      yield* [...new Set(names)].sort();
    },
    referrers: async function* ({ digest }, artifactType, signal) {
      const seen = new Set<Digest>();
      for (const entry of await entries()) {
        if (seen.has(entry.digest) || !isManifestLike(entry.mediaType)) continue;
        seen.add(entry.digest);
        const content = await readManifest(entry.digest, signal);
        const found = content === undefined ? undefined : referrerOf(content);
        if (found?.subject.digest !== digest) continue;
        if (artifactType === undefined || found.referrer.artifactType === artifactType) yield found.referrer;
      }
    },
    push: async (descriptor, body, signal) => {
      if (isManifestLike(descriptor.mediaType)) {
        if (descriptor.size > MANIFEST_CAP) {
          throw new WaybillError('TooLarge', `manifest ${descriptor.digest} has ${descriptor.size} bytes`);
        }
        return pushManifest(descriptor, await checkedBytes(body, descriptor), signal);
      }
      if (body instanceof Uint8Array) assertMatches(body, descriptor);
      if (!(body instanceof Readable) && (await blobSize(dir, descriptor.digest)) === descriptor.size) return;
      await writeAtomic(dir, blobPath(dir, descriptor.digest), await checkedBody(body, descriptor), { signal });
    },
    tag: async ({ digest }, tag, signal) => {
      assertTag(tag);
      const target = await resolve(digest, signal);
      const named = { ...target, annotations: { [REF_NAME]: tag } };
      await updateIndex(
        dir,
        (before) => [
          // The entry without a tag, or under the tag's old target, gives way; a target that loses its last tag stays.
          ...before.filter((entry) => tagOf(entry) !== tag && !(entry.digest === digest && tagOf(entry) === undefined)),
          ...before.filter((entry) => tagOf(entry) === tag && isLast(entry, before, digest)).map(bare),
          named,
        ],
        signal,
      );
    },
    delete: async ({ digest }, signal) => {
      await resolve(digest, signal);
      await updateIndex(dir, (before) => before.filter((entry) => entry.digest !== digest), signal);
      await rm(blobPath(dir, digest), { force: true });
    },
    untag: async (tag, signal) => {
      await resolve(tag, signal);
      await updateIndex(
        dir,
        (before) => [
          ...before.filter((entry) => tagOf(entry) !== tag),
          ...before.filter((entry) => tagOf(entry) === tag && isLast(entry, before, undefined)).map(bare),
        ],
        signal,
      );
    },
    deleteBlob: async (digest) => {
      const isManifest = (await readIndex(dir))?.some((entry) => entry.digest === digest) ?? false;
      if (isManifest || (await blobSize(dir, digest)) === undefined) {
        throw new WaybillError('NotFound', `${dir} has no blob ${digest}`);
      }
      await rm(blobPath(dir, digest), { force: true });
    },
  };
};

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

/** Whether an entry is the only one of its manifest, and that manifest is not the one that is being tagged. */
const isLast = (entry: Descriptor, entries: readonly Descriptor[], tagging: Digest | undefined): boolean =>
  entry.digest !== tagging && entries.filter(({ digest }) => digest === entry.digest).length === 1;
