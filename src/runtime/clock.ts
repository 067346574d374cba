import type { Time } from '../engine/index.ts';

/** Time as a driver sees it, so that a test can hold it. */
export interface Clock {
  now(): Time;
  /** Calls back at a time, or at once if that has passed; the result takes it back. */
  at(time: Time, call: () => void): () => void;
  /**
   * Starts to count; the result says how many milliseconds have passed at least, whatever is done to the clock meanwhile, and
   * the time for which the machine slept or the process was stopped included.
   */
  stopwatch(): () => number;
}

/** A timer that is set for longer is set again: the clock may have been corrected, or the machine have slept. */
const LONGEST = 30_000;

const clockOf = (now: () => Time): Clock => ({
  now,
  at: (time, call) => {
    let timer: NodeJS.Timeout;
    const set = (): void => {
      const left = time - now();
      timer = left > LONGEST ? setTimeout(set, LONGEST) : setTimeout(call, Math.max(left, 0));
    };
    set();
    return () => clearTimeout(timer);
  },
  stopwatch: () => {
    const wall = Date.now();
    const steady = performance.now();
    // The one stands still while the machine sleeps, the other may be set back.
    return () => Math.max(Date.now() - wall, performance.now() - steady);
  },
});

/** This machine's clock. */
export const systemClock: Clock = clockOf(() => Date.now());

/**
 * The clock of a cluster, to about two seconds: what its nodes and other drivers write down can be compared with it, whatever
 * this machine's clock says, or is set to in mid-run.
 */
export const clusterClock = (client: { clockSkew(): number }): Clock =>
  clockOf(() => Math.round(Date.now() + client.clockSkew()));
