import { backoff, isWaybillError } from '../core/index.ts';
import type { KubeClient } from './client.ts';
import { lines } from './lines.ts';
import { LogPlace } from './log-place.ts';
import { type Pause, sleep } from './sleep.ts';

export type ContainerState = 'waiting' | 'running' | 'terminated' | 'gone';

/** Where a container is, as a watch shows it: following a log never asks by itself. */
export interface ContainerView {
  state(): ContainerState;
  /** Resolves with the first change after the call. */
  changed(): Promise<void>;
}

export interface LogOptions {
  readonly namespace?: string | undefined;
  readonly pod: string;
  readonly container: string;
  readonly view: ContainerView;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which a followed connection counts as dead; 0 for a container that may be silent. */
  readonly silence?: number;
  readonly pause?: Pause;
}

/** Lines longer than this come in pieces. */
const CAP = 1024 * 1024;
const BACKOFF = { base: 500, cap: 5000 };

/**
 * The lines of a container's log, from the first to the last. It is followed while the container runs; when the container
 * has ended, what is left is read at once, since the kubelet is late to end what it sends. A cut connection goes on behind
 * the last line. While the container waits to start, nothing is asked. A pod that is gone ends the log, so does `signal`.
 * Throws `Forbidden` and `Unauthorized`.
 */
export async function* followLog(client: KubeClient, options: LogOptions): AsyncGenerator<Buffer> {
  const { view, signal, pause = sleep } = options;
  const place = new LogPlace();
  const aborted = onAbort(signal);
  for (let breaks = 0; signal?.aborted !== true; ) {
    const state = view.state();
    const next = view.changed();
    if (state === 'gone') return;
    if (state === 'waiting') {
      await Promise.race([next, aborted]);
      continue;
    }
    try {
      for await (const line of read(client, options, place, state)) {
        breaks = 0;
        yield line;
      }
      if (state === 'terminated') return;
    } catch (error) {
      if (signal?.aborted || isWaybillError(error, 'NotFound')) return;
      if (isWaybillError(error, 'Forbidden') || isWaybillError(error, 'Unauthorized')) throw error;
      // The kubelet has let go of the container: there is nothing left to read, however often one asks.
      if (state === 'terminated' && (breaks >= 3 || isWaybillError(error, 'KubeError'))) return;
    }
    // Either the container has ended, which the watch will say, or the connection was cut.
    breaks += 1;
    if (view.state() === state) {
      const waited = new AbortController();
      const delay = Math.max(BACKOFF.base, backoff(breaks, Math.random(), BACKOFF));
      await Promise.race([next, aborted, pause(delay, waited.signal).catch(() => undefined)]);
      waited.abort();
    }
  }
}

/** One connection. A follow ends early when the container does. */
async function* read(
  client: KubeClient,
  { namespace, pod, container, view, signal, silence = 0 }: LogOptions,
  place: LogPlace,
  state: ContainerState,
): AsyncGenerator<Buffer> {
  const follow = state === 'running';
  const over = new AbortController();
  if (follow) void untilChanged(view, state, over.signal).then(() => over.abort());
  const timer = follow && silence > 0 ? setTimeout(() => over.abort(), silence) : undefined;
  try {
    const body = await client.stream('pods', {
      namespace,
      object: { name: pod, sub: 'log' },
      query: { container, timestamps: 'true', follow: follow ? 'true' : undefined, sinceTime: place.since },
      what: `read the log of pods/${pod} ${container}`,
      signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
    });
    place.reopen();
    let within = false;
    let taken = false;
    for await (const { bytes, end } of lines(alive(body, timer), CAP)) {
      // The end of a followed log may be the middle of a line: it is read again.
      if (end === 'eof' && follow) return;
      // Only the first piece of a long line has a time stamp.
      const line = within ? bytes : place.take(bytes);
      if (!within) taken = line !== undefined;
      within = end === 'cap';
      if (taken && line !== undefined) yield line;
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

async function* alive(body: AsyncIterable<Uint8Array>, timer: NodeJS.Timeout | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    timer?.refresh();
    yield chunk;
  }
}

const untilChanged = async (view: ContainerView, state: ContainerState, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted && view.state() === state) await view.changed();
};

const onAbort = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((done) => {
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', () => done(), { once: true });
  });
