import { type Backoff, backoff } from '../../core/index.ts';

/** How often and how long a request is tried again. Times in milliseconds. */
export interface RetryPolicy extends Backoff {
  /** Requests in all. */
  readonly attempts: number;
  /** Longest wait that a registry may ask for; one that asks for more gets its error reported. */
  readonly maxWait: number;
  /** Longest time from the first request to the last, waits included; no request begins after it. */
  readonly total: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  base: 250,
  cap: 10_000,
  maxWait: 60_000,
  total: 300_000,
};

const TRANSIENT = new Set([408, 429, 500, 502, 503, 504, 522]);

/** Whether a status says that the same request may do better later. */
export const isTransient = (status: number): boolean => TRANSIENT.has(status);

/** Whether a status says that the request was not even looked at, so that any request may be sent again. */
export const isRefusedUnread = (status: number): boolean => status === 429;

/** Milliseconds that a `Retry-After` header asks for, in seconds or as a date; undefined without a readable one. */
export const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};

interface Failure {
  /** How many requests there were; 1 asks for the first retry. */
  readonly attempt: number;
  /** Milliseconds that the registry asks to be left alone. */
  readonly asked?: number | undefined;
  /** Milliseconds since the first request began. */
  readonly elapsed: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Milliseconds to wait before the next request, or undefined to give up: what the registry asked for, but at least the
 * back-off, so that many clients do not come back at once.
 */
export const waitFor = (policy: RetryPolicy, { attempt, asked, elapsed, random }: Failure): number | undefined => {
  if (attempt >= policy.attempts) return undefined;
  if (asked !== undefined && asked > policy.maxWait) return undefined;
  const wait = Math.max(asked ?? 0, backoff(attempt, random, policy));
  return elapsed + wait > policy.total ? undefined : wait;
};
