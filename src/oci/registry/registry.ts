import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type Digest, WaybillError } from '../../core/index.ts';
import { createHttp, type Fetch } from '../../http/index.ts';
import { isManifestLike, referrerOf } from '../manifest.ts';
import { assertTag } from '../reference.ts';
import type { Body, Content, Descriptor, Store } from '../types.ts';
import { assertMatches, checkedBytes, dismiss, MANIFEST_CAP } from '../verify.ts';
import { fetchBlob, hasBlob } from './blobs.ts';
import { type ClientOptions, createClient } from './client.ts';
import { createCredentials } from './credentials.ts';
import { deleteManifest, hasManifest, pushManifest, readManifest, resolveManifest } from './manifests.ts';
import { createFallbackLists, listReferrers } from './referrers.ts';
import { DEFAULT_RETRY } from './retry.ts';
import { createSessions, type Session } from './sessions.ts';
import { listTags } from './tags.ts';
import { createUpload } from './uploads.ts';

/** Everything has a default that suits the command line. */
export interface RegistryOptions extends Partial<ClientOptions> {
  /** The largest part of a blob that is sent in one request, in bytes; a registry that takes less is found out. */
  readonly chunk?: number;
}

let shared: Fetch | undefined;

/** What the command line does where nothing else is asked for. */
export const clientOptions = (options: Partial<ClientOptions> = {}): ClientOptions => {
  shared ??= createHttp({ env: process.env });
  return {
    fetch: shared,
    credentials: options.credentials ?? createCredentials({ env: process.env }),
    insecure: [],
    retry: DEFAULT_RETRY,
    random: Math.random,
    now: Date.now,
    sleep: (ms, signal) => pause(ms, undefined, { signal }),
    ...options,
  };
};

/**
 * A repository of a registry that speaks the OCI distribution protocol. Nothing is sent before the first call.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export const openRegistry = (host: string, repository: string, options: RegistryOptions = {}): Store => {
  const complete = clientOptions(options);
  const client = createClient(host, repository, complete);
  const sessions = createSessions(client);
  const upload = createUpload(client, sessions, options.chunk);
  const lists = createFallbackLists(client, complete);
  /** Blobs that the registry has just said it does not have: asking again before the push would be a wasted request. */
  const absent = new Set<Digest>();
  /** Blobs on their way. A second upload of the same content makes docker-registry show half of it for a moment. */
  const uploads = new Map<Digest, Promise<void>>();
  /** Uploads that the registry began where it could not mount. */
  const begun = new Map<Digest, Session>();
  /** Repositories of which it mounts nothing. */
  const unmountable = new Set<string>();

  /** The manifest stored last: it is the one that is tagged next, and need not be read for that. */
  let latest: Content | undefined;

  const storeManifest = async (content: Content, ref: string, signal?: AbortSignal): Promise<void> => {
    const referral = referrerOf(content);
    const { subjectKnown } = await pushManifest(client, ref, content, signal);
    latest = content;
    if (referral !== undefined && !subjectKnown) await lists.add(referral.subject.digest, referral.referrer, signal);
  };

  const pushMissing = async (descriptor: Descriptor, body: Body, signal?: AbortSignal): Promise<void> => {
    const { digest } = descriptor;
    const there = !absent.delete(digest) && (await hasBlob(client, digest, signal));
    const session = begun.get(digest);
    begun.delete(digest);
    if (!there) return upload(descriptor, body, { begun: session, signal });
    dismiss(body);
    if (session !== undefined) await sessions.cancel(session);
  };

  return {
    place: { host, repository },
    resolve: (ref, signal) => resolveManifest(client, ref, signal),
    fetch: async (descriptor, signal) => {
      if (!isManifestLike(descriptor.mediaType)) return fetchBlob(client, descriptor, signal);
      const { bytes } = await readManifest(client, descriptor.digest, signal);
      return Readable.from([bytes], { objectMode: false });
    },
    exists: async ({ mediaType, digest }, signal) => {
      if (isManifestLike(mediaType)) return hasManifest(client, digest, signal);
      const found = await hasBlob(client, digest, signal);
      const session = begun.get(digest);
      if (!found) absent.add(digest);
      else if (session !== undefined) {
        begun.delete(digest);
        await sessions.cancel(session);
      }
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
        return storeManifest({ descriptor: { mediaType, digest, size }, bytes }, digest, signal);
      }
      if (body instanceof Uint8Array) assertMatches(body, descriptor);
      const running = uploads.get(digest);
      if (running !== undefined) {
        dismiss(body);
        return running;
      }
      const upload = pushMissing(descriptor, body, signal).finally(() => uploads.delete(digest));
      uploads.set(digest, upload);
      await upload;
    },
    mount: async (descriptor, from, signal) => {
      const { digest } = descriptor;
      if (from.host !== host || from.repository === repository || unmountable.has(from.repository)) return false;
      const mounted = await sessions.mount(descriptor, from, signal);
      if (mounted === 'mounted') return true;
      if (mounted === undefined) unmountable.add(from.repository);
      else begun.set(digest, mounted);
      return false;
    },
    tag: async ({ digest }, tag, signal) => {
      assertTag(tag);
      const content = latest?.descriptor.digest === digest ? latest : await readManifest(client, digest, signal);
      await pushManifest(client, tag, content, signal);
    },
    pushTagged: async ({ descriptor, bytes }, tag, signal) => {
      assertTag(tag);
      const { mediaType, digest, size } = descriptor;
      if (size > MANIFEST_CAP) throw new WaybillError('TooLarge', `manifest ${digest} has ${size} bytes`);
      assertMatches(bytes, descriptor);
      await storeManifest({ descriptor: { mediaType, digest, size }, bytes }, tag, signal);
    },
    delete: async ({ digest }, signal) => {
      const content = await readManifest(client, digest, signal);
      const referral = referrerOf(content);
      latest = undefined;
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
