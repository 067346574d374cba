import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { backoff, isWaybillError, WaybillError } from '../core/index.ts';
import { isAbort } from '../http/index.ts';
import { type KubeClient, METADATA, type Selection } from './client.ts';
import { apiErrorOf, errorOfStatus, isExpired, type Status } from './errors.ts';
import { lines } from './lines.ts';
import { asStored, type Plural, type Resources, type Stored } from './resources.ts';
import { type Pause, sleep } from './sleep.ts';

export type WatchEvent<T> =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: T }
  /** All objects of the first list have been given. */
  | { readonly type: 'synced' };

export interface WatchOptions extends Selection {
  /** Called for every break of the connection, with the number of breaks since the last event. */
  readonly onBreak?: (error: unknown, count: number) => void;
  /** Starts after this version, without a list: for who knows what is there. */
  readonly from?: string;
  /** Objects come without their content. */
  readonly metadataOnly?: boolean;
  /** Milliseconds without a byte after which a connection counts as dead. The server sends a bookmark every minute. */
  readonly silence?: number;
  /** The first list is asked for again too, as long as the server is merely away. */
  readonly persistent?: boolean;
  readonly pause?: Pause;
}

const SILENCE_MS = 90_000;
const LINE_CAP = 8 * 1024 * 1024;
const BACKOFF = { base: 200, cap: 10_000 };
/** Refusals in a row that may pass, about half a minute: an API server that has just started does not know all rights yet. */
const REFUSALS = 10;

/**
 * The objects of a selection, and every later change to them, until `signal` aborts (which ends it without an error).
 * A cut watch is resumed at once from where it was; where the server has forgotten that point, a new list is compared with
 * what was known, so that no deletion is missed. Steps between two events may be left out, the last state never.
 * Throws when the first list fails, and later only for `Forbidden` and `Unauthorized` that last.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export async function* watch<P extends Plural>(
  client: KubeClient,
  plural: P,
  options: WatchOptions = {},
): AsyncGenerator<WatchEvent<Stored<Resources[P]>>> {
  const { signal, onBreak, pause = sleep } = options;
  type Object = Stored<Resources[P]>;
  const known = new Map<string, Object>();
  let resourceVersion = options.from;
  let first = resourceVersion === undefined;
  let breaks = 0;
  let refusals = 0;
  while (signal?.aborted !== true) {
    let progressed = false;
    try {
      if (resourceVersion === undefined) {
        const list = options.metadataOnly
          ? ((await client.listMetadata(plural, options)) as { items: Object[]; resourceVersion: string })
          : await client.list(plural, options);
        yield* compare(known, list.items);
        resourceVersion = list.resourceVersion;
        if (first) yield { type: 'synced' };
        first = false;
      }
      for await (const event of connect<Object>(client, plural, resourceVersion, options)) {
        resourceVersion = event.object.metadata.resourceVersion;
        progressed = true;
        breaks = 0;
        refusals = 0;
        if (event.type === 'bookmark') continue;
        const before = known.has(event.object.metadata.uid);
        if (event.type === 'deleted') known.delete(event.object.metadata.uid);
        else known.set(event.object.metadata.uid, event.object);
        // What was added before and comes again has changed; what is deleted unseen is told all the same.
        yield { type: event.type === 'deleted' ? 'deleted' : before ? 'modified' : 'added', object: event.object };
      }
      // The server ends every watch after a while; one that ends before its first event is no sign of health.
      if (progressed) continue;
      breaks += 1;
      if (breaks > 1) await pause(backoff(breaks - 1, Math.random(), BACKOFF), signal);
    } catch (error) {
      if (signal?.aborted || isAbort(error, signal)) return;
      const refused = isWaybillError(error, 'Forbidden') || isWaybillError(error, 'Unauthorized');
      refusals = refused ? refusals + 1 : 0;
      if (refusals > REFUSALS) throw error;
      if (first && (refused || options.persistent !== true || !isPassing(error))) throw error;
      breaks += 1;
      onBreak?.(error, breaks);
      if (isExpired(error)) resourceVersion = undefined;
      if (breaks > 1) await pause(backoff(breaks - 1, Math.random(), BACKOFF), signal).catch(() => undefined);
    }
  }
}

/** Whether a failure may pass by itself: nobody answered, or the server said that it is not well. */
const isPassing = (error: unknown): boolean => {
  const status = apiErrorOf(error)?.status;
  return isWaybillError(error, 'Unreachable') || (status !== undefined && (status >= 500 || status === 429));
};

/** What a new list says against what was known. */
function* compare<T extends { metadata?: ObjectMeta }>(
  known: Map<string, Stored<T>>,
  items: readonly Stored<T>[],
): Generator<WatchEvent<Stored<T>>> {
  const present = new Set(items.map(({ metadata }) => metadata.uid));
  for (const [uid, object] of known) {
    if (present.has(uid)) continue;
    known.delete(uid);
    yield { type: 'deleted', object };
  }
  for (const object of items) {
    const before = known.get(object.metadata.uid);
    known.set(object.metadata.uid, object);
    if (before === undefined) yield { type: 'added', object };
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion) yield { type: 'modified', object };
  }
}

type Change<T> = { readonly type: 'added' | 'modified' | 'deleted' | 'bookmark'; readonly object: T };

/** One connection, until the server ends it; throws when it breaks. */
async function* connect<T extends { metadata?: ObjectMeta }>(
  client: KubeClient,
  plural: Plural,
  resourceVersion: string,
  { namespace, labelSelector, fieldSelector, signal, metadataOnly, silence = SILENCE_MS }: WatchOptions,
): AsyncGenerator<Change<Stored<T>>> {
  const dead = new AbortController();
  const timer = setTimeout(() => dead.abort(new Error(`no sign of life for ${silence} ms`)), silence);
  const query = {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    labelSelector,
    fieldSelector,
    // Clients that started together shall not all come back together.
    timeoutSeconds: String(230 + Math.floor(Math.random() * 120)),
  };
  try {
    const body = await client.stream(plural, {
      namespace,
      query,
      what: `watch ${plural}`,
      signal: signal === undefined ? dead.signal : AbortSignal.any([signal, dead.signal]),
      ...(metadataOnly && { accept: METADATA }),
    });
    const alive = async function* () {
      for await (const chunk of body) {
        timer.refresh();
        yield chunk;
      }
    };
    for await (const { bytes, end } of lines(alive(), LINE_CAP)) {
      // A cut in the middle of a line: what it would have said comes again after the last version.
      if (end === 'eof') return;
      yield parseChange<T>(bytes, plural);
    }
  } finally {
    clearTimeout(timer);
    // Leaving in the middle ends the connection.
    dead.abort();
  }
}

const TYPES = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted', BOOKMARK: 'bookmark' } as const;

const parseChange = <T extends { metadata?: ObjectMeta }>(line: Buffer, plural: Plural): Change<Stored<T>> => {
  const { type, object } = JSON.parse(line.toString('utf8')) as { type?: unknown; object?: unknown };
  if (type === 'ERROR') throw errorOfStatus(`watch ${plural}`, 500, (object ?? {}) as Status);
  if (typeof type === 'string' && Object.hasOwn(TYPES, type)) {
    const kind = TYPES[type as keyof typeof TYPES];
    // A bookmark carries a resource version and nothing else.
    const stored = kind === 'bookmark' ? asBookmark<T>(object) : asStored<T>(object);
    if (stored !== undefined) return { type: kind, object: stored };
  }
  throw new WaybillError('KubeError', `watch ${plural}: a line is no event`);
};

const asBookmark = <T extends { metadata?: ObjectMeta }>(object: unknown): Stored<T> | undefined => {
  const metadata = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata;
  return typeof metadata?.resourceVersion === 'string' ? (object as Stored<T>) : undefined;
};
