import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type Digest, WaybillError } from '../../core/index.ts';
import { createHttp, type Fetch } from '../../http/index.ts';
import { isManifestLike, referrerOf } from '../manifest.ts';
import { assertTag } from '../reference.ts';
import type { Content, Descriptor, Store } from '../types.ts';
import { assertMatches, checkedBytes, MANIFEST_CAP } from '../verify.ts';
import { fetchBlob, hasBlob, pushBlob } from './blobs.ts';
import { type ClientOptions, createClient } from './client.ts';
import { createCredentials } from './credentials.ts';
import { deleteManifest, hasManifest, pushManifest, readManifest, resolveManifest } from './manifests.ts';
import { createFallbackLists, listReferrers } from './referrers.ts';
import { DEFAULT_RETRY } from './retry.ts';
import { listTags } from './tags.ts';

/** Everything has a default that suits the command line. */
export type RegistryOptions = Partial<ClientOptions>;

let shared: Fetch | undefined;

/**
 * A repository of a registry that speaks the OCI distribution protocol. Nothing is sent before the first call.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export const openRegistry = (host: string, repository: string, options: RegistryOptions = {}): Store => {
  shared ??= createHttp();
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const sleep = options.sleep ?? ((ms, signal) => pause(ms, undefined, { signal }));
  const client = createClient(host, repository, {
    fetch: options.fetch ?? shared,
    credentials: options.credentials ?? createCredentials({ env: process.env }),
    insecure: options.insecure ?? [],
    retry: options.retry ?? DEFAULT_RETRY,
    random,
    now,
    sleep,
  });
  const lists = createFallbackLists(client, { now, random, sleep });
  /** Blobs that the registry has just said it does not have: asking again before the push would be a wasted request. */
  const absent = new Set<Digest>();
  /** Blobs on their way. A second upload of the same content makes docker-registry show half of it for a moment. */
  const uploads = new Map<Digest, Promise<void>>();

  const storeManifest = async (content: Content, signal?: AbortSignal): Promise<void> => {
    const referral = referrerOf(content);
    const { subjectKnown } = await pushManifest(client, content.descriptor.digest, content, signal);
    if (referral !== undefined && !subjectKnown) await lists.add(referral.subject.digest, referral.referrer, signal);
  };

  const pushMissing = async (
    descriptor: Descriptor,
    body: Readable | Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> => {
    const there = !absent.delete(descriptor.digest) && (await hasBlob(client, descriptor.digest, signal));
    if (!there) return pushBlob(client, descriptor, body, signal);
    if (body instanceof Readable) body.destroy();
  };

  return {
    resolve: (ref, signal) => resolveManifest(client, ref, signal),
    fetch: async (descriptor, signal) => {
      if (!isManifestLike(descriptor.mediaType)) return fetchBlob(client, descriptor, signal);
      const { bytes } = await readManifest(client, descriptor.digest, signal);
      return Readable.from([bytes], { objectMode: false });
    },
    exists: async ({ mediaType, digest }, signal) => {
      if (isManifestLike(mediaType)) return hasManifest(client, digest, signal);
      const found = await hasBlob(client, digest, signal);
      if (!found) absent.add(digest);
      return found;
    },
    tags: async function* (signal) {
      yield* await listTags(client, signal);
    },
    referrers: async function* ({ digest }, artifactType, signal) {
      yield* await listReferrers(client, digest, artifactType, signal);
    },
    push: async (descriptor, body, signal) => {
      const { mediaType, digest, size } = descriptor;
      if (isManifestLike(mediaType)) {
        if (size > MANIFEST_CAP) throw new WaybillError('TooLarge', `manifest ${digest} has ${size} bytes`);
        const bytes = await checkedBytes(body, descriptor);
        return storeManifest({ descriptor: { mediaType, digest, size }, bytes }, signal);
      }
      if (body instanceof Uint8Array) assertMatches(body, descriptor);
      const running = uploads.get(digest);
      if (running !== undefined) {
        if (body instanceof Readable) body.destroy();
        return running;
      }
      const upload = pushMissing(descriptor, body, signal).finally(() => uploads.delete(digest));
      uploads.set(digest, upload);
      await upload;
    },
    tag: async ({ digest }, tag, signal) => {
      assertTag(tag);
      await pushManifest(client, tag, await readManifest(client, digest, signal), signal);
    },
    delete: async ({ digest }, signal) => {
      const content = await readManifest(client, digest, signal);
      const referral = referrerOf(content);
      await deleteManifest(client, digest, signal);
      if (referral === undefined) return;
      const listed = await listReferrers(client, referral.subject.digest, undefined, signal);
      // A registry with the API has dropped the entry by itself.
      if (listed.some((entry: Descriptor) => entry.digest === digest)) {
        await lists.remove(referral.subject.digest, digest, signal);
      }
    },
  };
};
