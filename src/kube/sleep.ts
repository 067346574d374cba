import { setTimeout } from 'node:timers/promises';

/** Waits; ends early by throwing the signal's reason. */
export type Pause = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const sleep: Pause = async (milliseconds, signal) => {
  signal?.throwIfAborted();
  await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
};
