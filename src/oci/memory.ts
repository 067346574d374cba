import { Readable } from 'node:stream';
import { type Digest, isDigest, WaybillError } from '../core/index.ts';
import { isManifestLike, referrerOf } from './manifest.ts';
import { assertTag } from './reference.ts';
import type { ByteRange, Content, Descriptor, Repository } from './types.ts';
import { checkedBytes } from './verify.ts';

/** An empty store that lives as long as its value: for tests, and for content on its way from one place to another. */
export const createMemoryStore = (): Repository => {
  const contents = new Map<Digest, Content>();
  const tagged = new Map<string, Digest>();

  const manifest = (digest: Digest): Descriptor | undefined => {
    const found = contents.get(digest)?.descriptor;
    return found !== undefined && isManifestLike(found.mediaType) ? found : undefined;
  };

  const read = (
    digest: Digest,
    { start, end }: ByteRange = { start: 0, end: Number.MAX_SAFE_INTEGER - 1 },
  ): Readable => {
    const found = contents.get(digest);
    if (found === undefined) throw new WaybillError('NotFound', `the memory store has no ${digest}`);
    return Readable.from([found.bytes.subarray(start, end + 1)], { objectMode: false });
  };

  return {
    resolve: async (ref) => {
      const digest = isDigest(ref) ? ref : tagged.get(ref);
      const found = digest === undefined ? undefined : manifest(digest);
      if (found === undefined) throw new WaybillError('NotFound', `the memory store has no "${ref}"`);
      return found;
    },
    fetch: async ({ digest }) => read(digest),
    read: async (digest, range) => read(digest, range),
    sizeOf: async (digest) => contents.get(digest)?.bytes.byteLength,
    exists: async ({ digest }) => contents.has(digest),
    tags: async function* () {
      yield* [...tagged.keys()].sort();
    },
    referrers: async function* ({ digest }, artifactType) {
      for (const content of contents.values()) {
        if (!isManifestLike(content.descriptor.mediaType)) continue;
        const found = referrerOf(content);
        if (found?.subject.digest !== digest) continue;
        if (artifactType === undefined || found.referrer.artifactType === artifactType) yield found.referrer;
      }
    },
    push: async ({ mediaType, digest, size }, body) => {
      const content = {
        descriptor: { mediaType, digest, size },
        bytes: await checkedBytes(body, { mediaType, digest, size }),
      };
      // Parsed now, so that what is no manifest is refused at the door and not when referrers are listed.
      if (isManifestLike(mediaType)) referrerOf(content);
      if (isManifestLike(mediaType) || !contents.has(digest)) contents.set(digest, content);
    },
    tag: async ({ digest }, tag) => {
      assertTag(tag);
      if (manifest(digest) === undefined) {
        throw new WaybillError('NotFound', `the memory store has no manifest ${digest}`);
      }
      tagged.set(tag, digest);
    },
    delete: async ({ digest }) => {
      if (manifest(digest) === undefined) throw new WaybillError('NotFound', `the memory store has no ${digest}`);
      contents.delete(digest);
      for (const [tag, target] of tagged) if (target === digest) tagged.delete(tag);
    },
    untag: async (tag) => {
      if (!tagged.delete(tag)) throw new WaybillError('NotFound', `the memory store has no "${tag}"`);
    },
    deleteBlob: async (digest) => {
      if (manifest(digest) !== undefined || !contents.delete(digest)) {
        throw new WaybillError('NotFound', `the memory store has no blob ${digest}`);
      }
    },
  };
};
