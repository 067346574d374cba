import { type Digest, hexOf, isWaybillError, WaybillError } from '../../core/index.ts';
import { jsonContent, parseIndex } from '../manifest.ts';
import { type Descriptor, type Index, MEDIA_TYPES } from '../types.ts';
import type { Client } from './client.ts';
import { pushManifest, readManifest } from './manifests.ts';
import { pagesOf } from './pages.ts';

/** The tag under which a registry without a referrers API keeps the list. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema */
const fallbackTag = (digest: Digest): string =>
  `${digest.slice(0, digest.indexOf(':')).slice(0, 32)}-${hexOf(digest).slice(0, 64)}`;

/** The referrers of a digest, from the API, or from the fallback tag where there is none. */
export const listReferrers = async (client: Client, digest: Digest, type?: string, signal?: AbortSignal) => {
  const all = (await fromApi(client, digest, type, signal)) ?? (await fromTag(client, digest, signal));
  return type === undefined ? all : all.filter(({ artifactType }) => artifactType === type);
};

/** Undefined if the registry has no such API: an answer counts only if it is an index. */
const fromApi = async (
  client: Client,
  digest: Digest,
  type: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[] | undefined> => {
  const filter = type === undefined ? '' : `?artifactType=${encodeURIComponent(type)}`;
  const request = {
    method: 'GET',
    to: `${client.repository}/referrers/${digest}${filter}`,
    action: 'pull',
    what: `the referrers of ${digest}`,
    headers: { accept: MEDIA_TYPES.index },
    accept: [200, 400, 404, 405, 406, 501],
    signal,
  } as const;
  const found: Descriptor[] = [];
  for await (const { response, bytes } of pagesOf(client, request)) {
    const isIndex = (response.headers.get('content-type') ?? '').split(';')[0]?.trim() === MEDIA_TYPES.index;
    if (response.status !== 200 || !isIndex) return undefined;
    found.push(...parseIndex(bytes, `the list of referrers of ${digest}`).manifests);
  }
  return found;
};

/** The entries of the fallback tag; undefined where there is no such tag. */
const readTag = async (
  client: Client,
  digest: Digest,
  signal?: AbortSignal,
): Promise<readonly Descriptor[] | undefined> => {
  try {
    const { descriptor, bytes } = await readManifest(client, fallbackTag(digest), signal);
    // Anybody may have put something else under that tag; what is no index lists nothing.
    return descriptor.mediaType === MEDIA_TYPES.index ? parseIndex(bytes, descriptor.digest).manifests : [];
  } catch (error) {
    if (isWaybillError(error, 'NotFound')) return undefined;
    throw error;
  }
};

const fromTag = async (client: Client, digest: Digest, signal?: AbortSignal): Promise<readonly Descriptor[]> =>
  (await readTag(client, digest, signal)) ?? [];

/** What keeps the fallback lists of one repository. */
export interface FallbackLists {
  add(subject: Digest, referrer: Descriptor, signal?: AbortSignal): Promise<void>;
  remove(subject: Digest, referrer: Digest, signal?: AbortSignal): Promise<void>;
}

export interface FallbackOptions {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

const ATTEMPTS = 20;
/** Looks at a tag before it is believed not to be there. */
const LOOKS = 3;

/**
 * Writers of the fallback tag. The registry has no conditional write, so one that read before we wrote may write after
 * us and drop our entry. After a write we wait until all who read before it have written, look again, and repeat what
 * was lost. Writers in this process take turns.
 */
export const createFallbackLists = (client: Client, { now, random, sleep }: FallbackOptions): FallbackLists => {
  const turns = new Map<Digest, Promise<void>>();

  /** For a moment a registry may not have a tag that is being written: a list that was there must not begin anew. */
  const current = async (subject: Digest, signal?: AbortSignal): Promise<readonly Descriptor[]> => {
    for (let look = 1; look < LOOKS; look += 1) {
      const found = await readTag(client, subject, signal);
      if (found !== undefined) return found;
      await sleep(20 + 50 * random(), signal);
    }
    return fromTag(client, subject, signal);
  };

  const update = async (
    subject: Digest,
    isDone: (entries: readonly Descriptor[]) => boolean,
    change: (entries: readonly Descriptor[]) => readonly Descriptor[],
    signal?: AbortSignal,
  ): Promise<void> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const started = now();
      const entries = await current(subject, signal);
      if (isDone(entries)) return;
      const manifests = change(entries);
      const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests } satisfies Index;
      await pushManifest(client, fallbackTag(subject), jsonContent(index, MEDIA_TYPES.index), signal);
      // Four times what reading and writing took us: others are hardly slower than that.
      await sleep(Math.min(2000, 50 + 4 * (now() - started) + 50 * attempt * random()), signal);
      if (isDone(await fromTag(client, subject, signal))) return;
    }
    throw new WaybillError('RegistryError', `the list of referrers of ${subject} cannot be written`, {
      hint: 'others write to it at the same time; try again',
    });
  };

  const inTurn = (subject: Digest, task: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(subject) ?? Promise.resolve()).catch(() => {}).then(task);
    turns.set(subject, turn);
    return turn;
  };

  return {
    add: (subject, referrer, signal) =>
      inTurn(subject, () =>
        update(
          subject,
          (entries) => entries.some(({ digest }) => digest === referrer.digest),
          (entries) => [...entries, referrer],
          signal,
        ),
      ),
    remove: (subject, referrer, signal) =>
      inTurn(subject, () =>
        update(
          subject,
          (entries) => entries.every(({ digest }) => digest !== referrer),
          (entries) => entries.filter(({ digest }) => digest !== referrer),
          signal,
        ),
      ),
  };
};
