export interface Backoff {
  /** First delay, in milliseconds. */
  readonly base: number;
  /** Longest delay, in milliseconds. */
  readonly cap: number;
}

/**
 * Milliseconds to wait before attempt `attempt` (1 = the first retry): exponential with full jitter.
 * `random` is in [0, 1). https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const backoff = (attempt: number, random: number, { base, cap }: Backoff): number =>
  Math.floor(random * Math.min(cap, base * 2 ** (attempt - 1)));
