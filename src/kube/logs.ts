import { isWaybillError, messageOf } from '../core/index.ts';
import type { KubeClient } from './client.ts';
import { apiErrorOf } from './errors.ts';
import { LogPlace } from './log-place.ts';
import { cannotFollow, type Look, logRhythm } from './log-rhythm.ts';
import { streamLog } from './log-stream.ts';
import { type Pause, sleep } from './sleep.ts';

export type ContainerState = 'waiting' | 'running' | 'terminated' | 'gone';

/** Where a container is, as a watch shows it: following a log never asks by itself. */
export interface ContainerView {
  state(): ContainerState;
  /** Resolves with the first change after the call. */
  changed(): Promise<void>;
}

/** What a log's reader learns beside its lines. */
export type LogReport =
  /** The node cannot follow logs (its limit of inotify instances or watches is reached): it is read again and again. */
  | { readonly kind: 'polled'; readonly message: string }
  /** The node rotated the log while nobody read it: lines may be missing here. */
  | { readonly kind: 'gap' }
  /** The node rotated the log: what was written at that moment may be missing, and whoever reads it later gets its end. */
  | { readonly kind: 'rotated' }
  /** The container runs and its log can be read, but has had no line for so long. The log ends with it. */
  | { readonly kind: 'silent'; readonly milliseconds: number }
  /** The container has ended, and all lines have been given. The log ends with it. */
  | { readonly kind: 'whole' }
  /** The end of the log cannot be read. The log ends with it. */
  | { readonly kind: 'unread'; readonly message: string };

export interface LogOptions {
  readonly namespace?: string | undefined;
  readonly pod: string;
  readonly container: string;
  readonly view: ContainerView;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which a followed connection counts as dead; 0 for one that may be silent. */
  readonly silence?: number;
  /** Milliseconds without a line after which a container that can be read counts as dead: see {@link LogReport}; 0 = never. */
  readonly dead?: number;
  readonly report?: (said: LogReport) => void;
  readonly pause?: Pause;
}

/** How often the end of a log is tried to be read: about a minute for a kubelet that is away, ten seconds for its excuses. */
const TRIES = { failure: 18, words: 6 };
/** Logs up to this are never rotated. */
const SMALL = 256 * 1024;

/**
 * The lines of a container's log, from the first to the last. It is followed while the container runs; when the container
 * has ended, what is left is read at once, since the kubelet is late to end what it sends. A cut connection goes on behind
 * the last line; a log that the node cannot follow is read again and again. While the container waits to start, nothing is
 * asked. A pod that is gone ends the log, so does `signal`. Throws `Forbidden` and `Unauthorized`.
 */
export async function* followLog(client: KubeClient, options: LogOptions): AsyncGenerator<Buffer> {
  const { view, signal, dead = 0, report = () => {}, pause = sleep } = options;
  const place = new LogPlace();
  const rhythm = logRhythm();
  const aborted = onAbort(signal);
  let state = view.state();
  let changed = untilChanged(view, state);
  /** Since when the log has been read without a break, and without a new line. */
  let quiet: number | undefined;
  let tries = 0;
  let drained = false;
  while (signal?.aborted !== true) {
    if (view.state() !== state) {
      state = view.state();
      changed = untilChanged(view, state);
    }
    if (state === 'gone') {
      if (!drained) report({ kind: 'unread', message: 'the pod is gone' });
      return;
    }
    if (state === 'waiting') {
      await Promise.race([changed, aborted]);
      continue;
    }
    const follow = state === 'running' && rhythm.follows();
    const look = yield* lookAt(client, options, place, { follow, changed, partial: state === 'terminated' });
    if (signal?.aborted) return;
    const { failure, words } = look;
    if (isWaybillError(failure, 'Forbidden') || isWaybillError(failure, 'Unauthorized')) throw failure;
    const healthy = failure === undefined && (words === '' || cannotFollow(words));
    if (!healthy) quiet = undefined;
    else if (quiet === undefined || look.lines > 0) quiet = look.since;
    const read = failure === undefined && words === '';
    // The kubelet ends what it sends when the container has ended.
    drained = follow && read;
    if (isWaybillError(failure, 'NotFound')) {
      report({ kind: 'unread', message: failure.message });
      return;
    }
    if (state === 'terminated') {
      if (read) {
        if (place.end()) report({ kind: 'gap' });
        else if (place.bytes > SMALL && (await isRotated(client, options, place))) report({ kind: 'rotated' });
        report({ kind: 'whole' });
        return;
      }
      // Where the kubelet has let go of the container there is nothing left to read, however often one asks.
      tries += 1;
      if (isRefused(failure) || tries >= (failure === undefined ? TRIES.words : TRIES.failure)) {
        report({ kind: 'unread', message: failure === undefined ? words : messageOf(failure) });
        return;
      }
    } else if (dead > 0 && quiet !== undefined && performance.now() - quiet >= dead && view.state() === state) {
      report({ kind: 'silent', milliseconds: Math.round(performance.now() - quiet) });
      return;
    }
    const { delay, polled } = rhythm.after(look);
    if (polled) report({ kind: 'polled', message: words });
    if (view.state() !== state) continue;
    const waited = new AbortController();
    await Promise.race([changed, aborted, pause(delay, waited.signal).catch(() => undefined)]);
    waited.abort();
  }
}

interface Looking {
  readonly follow: boolean;
  readonly changed: Promise<void>;
  /** The end of what there is may be half a line of a container that still runs: it is read again. */
  readonly partial: boolean;
}

/** One connection, with its new lines. */
async function* lookAt(
  client: KubeClient,
  { namespace, pod, container, signal, silence, report }: LogOptions,
  place: LogPlace,
  { follow, changed, partial }: Looking,
): AsyncGenerator<Buffer, Look> {
  let words = '';
  let lines = 0;
  let since = performance.now();
  const { gaps } = place;
  place.reopen();
  const request = { namespace, pod, container, signal, follow, since: place.since, ended: changed };
  try {
    for await (const piece of streamLog(client, { ...request, ...(silence !== undefined && { silence }) })) {
      if (!place.isLine(piece)) words = piece.bytes.toString('utf8', 0, 200);
      else if (piece.end !== 'eof' || partial) {
        const line = place.take(piece);
        if (line === undefined) continue;
        if (lines === 0 && place.gaps > gaps) report?.({ kind: 'gap' });
        lines += 1;
        yield line;
        since = performance.now();
      }
    }
  } catch (failure) {
    return { failure, words, lines, since };
  }
  return { words, lines, since };
}

/** A definite no: neither a failure of the network nor of the kubelet, which another try may not have. */
const isRefused = (error: unknown): boolean => {
  const status = apiErrorOf(error)?.status ?? 500;
  return status < 500 && status !== 429;
};

/** Whether the log begins elsewhere than where it was first read. */
const isRotated = async (
  client: KubeClient,
  { namespace, pod, container, signal }: LogOptions,
  place: LogPlace,
): Promise<boolean> => {
  try {
    const request = { namespace, pod, container, signal, follow: false, bytes: 64 };
    for await (const { bytes } of streamLog(client, request)) return !place.isOrigin(bytes);
  } catch {
    // It was there a moment ago: what gets lost is but a word of caution.
  }
  return false;
};

const untilChanged = async (view: ContainerView, state: ContainerState): Promise<void> => {
  while (view.state() === state) await view.changed();
};

const onAbort = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((done) => {
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', () => done(), { once: true });
  });
