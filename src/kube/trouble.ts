import { WaybillError } from '../core/index.ts';

export type OnTrouble = (error: WaybillError) => void;

/** Looks at all calls to one server together, and says when something is amiss, once a minute at most. */
export interface TroubleTeller {
  /** A call was sent; to be called when its answer is there, or there will be none. */
  asked(what: string): () => void;
  /** A call failed, and is tried again. */
  failed(error: unknown): void;
  /** A call was answered well. */
  well(): void;
}

/** A call that has no answer for so long is worth a word. */
const SLOW_MS = 4000;
/** Failures since the last good answer. One is nothing: a connection that was cut. */
const FAILURES = 3;
const SELDOM_MS = 60_000;

export const troubleTeller = (server: string, onTrouble: OnTrouble | undefined): TroubleTeller => {
  let failures = 0;
  let told = Number.NEGATIVE_INFINITY;
  const tell = (error: WaybillError): void => {
    if (onTrouble === undefined || performance.now() - told < SELDOM_MS) return;
    told = performance.now();
    onTrouble(error);
  };
  return {
    asked: (what) => {
      if (onTrouble === undefined) return () => {};
      const timer = setTimeout(() => {
        tell(new WaybillError('Unreachable', `${server}: no answer for ${SLOW_MS / 1000} s: ${what}`));
      }, SLOW_MS);
      return () => clearTimeout(timer);
    },
    failed: (error) => {
      failures += 1;
      if (failures >= FAILURES && error instanceof WaybillError) tell(error);
    },
    well: () => {
      failures = 0;
    },
  };
};
