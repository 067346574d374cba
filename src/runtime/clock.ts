import type { Time } from '../engine/index.ts';

/** Time as a driver sees it, so that a test can hold it. */
export interface Clock {
  now(): Time;
  /** Calls back at a time, or at once if that has passed; the result takes it back. */
  at(time: Time, call: () => void): () => void;
}

/** The longest delay of a timer of Node; later ones are set again. */
const LONGEST = 2 ** 31 - 1;

/** This machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at: (time, call) => {
    let timer: NodeJS.Timeout;
    const set = (): void => {
      const left = time - Date.now();
      timer = left > LONGEST ? setTimeout(set, LONGEST) : setTimeout(call, Math.max(left, 0));
    };
    set();
    return () => clearTimeout(timer);
  },
};
