import type { RunState } from '../engine/index.ts';
import type { RunRef } from './types.ts';

export type CancelMode = 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally';

/**
 * A run's record in the hands of its one driver. Whoever holds it may act for the run; `lost` says when that has ended,
 * with `DriverLost` as its reason.
 */
export interface HeldRecord {
  readonly run: RunRef;
  /** The state as last saved. */
  readonly state: RunState;
  /** Notes a new state. It is written soon, together with those that come meanwhile. */
  save(state: RunState): void;
  /** Waits until all that was saved is written. */
  flush(): Promise<void>;
  /**
   * Waits until it is sure that nobody else has taken over; costs nothing while the lease is fresh. The signal aborts when
   * that is not sure any more: what is done for the run is done before.
   */
  check(): Promise<AbortSignal>;
  /** Writes the wish to cancel the run, at once: whoever goes on with it will know. */
  cancel(mode: CancelMode): void;
  /** The state as it is written now, by whomever; null where the record is gone. For a driver that was replaced. */
  latest(): Promise<RunState | null>;
  /** Calls back when somebody wishes to cancel the run, and at once if somebody has. */
  onCancel(call: (mode: CancelMode) => void): void;
  readonly lost: AbortSignal;
  /** Writes what is saved and gives the lease back, in one write; tries as long as nobody answers. Throws for a refusal. */
  release(): Promise<void>;
  /** Stops writing at once; the lease runs out by itself. */
  abandon(): void;
}
