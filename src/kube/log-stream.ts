import type { KubeClient } from './client.ts';
import { type Line, lines } from './lines.ts';
import { sleep } from './sleep.ts';

export interface StreamRequest {
  readonly namespace?: string | undefined;
  readonly pod: string;
  readonly container: string;
  readonly follow: boolean;
  /** Lines stamped before it are left out. */
  readonly since?: string | undefined;
  /** Of the answer; no limit without it. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which a followed connection ends; 0 = never. */
  readonly silence?: number;
  /** Settles when the container has ended: a followed connection then ends as soon as nothing comes any more. */
  readonly ended?: Promise<unknown>;
}

/** Lines longer than this come in pieces. */
const CAP = 1024 * 1024;
/** Nothing for so long, and what the kubelet has to send of an ended container has come; it is late to say so. */
const DRAINED_MS = 200;

/**
 * One connection to a container's log, each line with its time stamp. Ends with the connection, `silence` or `ended`; throws
 * where there is none, or it breaks.
 */
export async function* streamLog(
  client: Pick<KubeClient, 'stream'>,
  { namespace, pod, container, follow, since, bytes, signal, silence = 0, ended }: StreamRequest,
): AsyncGenerator<Line> {
  const over = new AbortController();
  const within = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  try {
    const body = await client.stream('pods', {
      namespace,
      object: { name: pod, sub: 'log' },
      query: {
        container,
        timestamps: 'true',
        follow: follow ? 'true' : undefined,
        sinceTime: since,
        limitBytes: bytes === undefined ? undefined : String(bytes),
      },
      what: `read the log of pods/${pod} ${container}`,
      signal: within,
    });
    const idle = idleness();
    if (follow && silence > 0) void endWhen(() => idle.since(), silence, over);
    if (follow) void ended?.then(() => endWhen(() => idle.since(), DRAINED_MS, over));
    yield* lines(idle.watch(body), CAP);
  } catch (error) {
    if (!over.signal.aborted || signal?.aborted) throw error;
  } finally {
    over.abort();
  }
}

/** For how long nothing has come. While nobody asks for more, because a reader is slow, nothing can come. */
const idleness = () => {
  let from: number | undefined;
  return {
    since: (): number => (from === undefined ? 0 : performance.now() - from),
    watch: async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      from = performance.now();
      for await (const chunk of body) {
        from = undefined;
        yield chunk;
        from = performance.now();
      }
    },
  };
};

const endWhen = async (since: () => number, limit: number, over: AbortController): Promise<void> => {
  while (!over.signal.aborted) {
    const left = limit - since();
    if (left <= 0) over.abort();
    else await sleep(left, over.signal).catch(() => undefined);
  }
};
