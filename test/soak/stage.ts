import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../cluster/settings.ts';
import type { Admin } from '../support/admin.ts';
import type { TestNamespace } from '../support/namespace.ts';
import type { SoakRun } from './plan.ts';
import type { Library } from './pool.ts';

/** The claim in which runs count. */
export const CLAIM = 'counts';

/** Where runs are played. */
export interface Stage {
  readonly space: TestNamespace;
  readonly library: Library;
  readonly admin: Admin;
  /** Of the harness' own cluster; undefined on a foreign one, which is not disturbed. */
  readonly settings: Settings | undefined;
  /** Whether anything has befallen the whole cluster since that time (`Date.now()`). */
  disturbedSince(time: number): boolean;
}

/** How a run ended, as its driver told. */
export interface Ended {
  readonly status: string;
  readonly reason: string;
  /** Of the tool; null where the library drove it. */
  readonly exit: number | null;
  /** Drivers that it took beyond the first. */
  readonly again: number;
  /** What no driver should have said. */
  readonly complaints: readonly string[];
}

/** Plays one run with its fault, to its end. */
export type Play = (stage: Stage, run: SoakRun, signal: AbortSignal) => Promise<Ended>;

/** Repeats what the harness itself wants of the API server, which may just be away. */
export const insist = async <T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= 60 || signal?.aborted === true) throw new Error(`${what} does not work`, { cause: error });
      await sleep(1000, undefined, signal && { signal });
    }
  }
};
