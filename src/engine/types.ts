import type { SnapshotTask, StepOutcome, TaskOutcome } from '../pod/program.ts';
import type { ParamValue } from '../tekton/index.ts';

/** Milliseconds since 1970 UTC, always given from outside: the engine has no clock. */
export type Time = number;

/** What happened, as the driver learned it. Events may come twice or late: the engine ignores what it knows already. */
export type EngineEvent =
  | { readonly kind: 'begin'; readonly at: Time }
  /** A pod exists for a group's attempt. */
  | {
      readonly kind: 'podCreated';
      readonly group: number;
      readonly attempt: number;
      readonly pod: string;
      readonly uid: string;
      readonly at: Time;
    }
  | {
      readonly kind: 'taskStarted';
      readonly group: number;
      readonly attempt: number;
      readonly task: number;
      readonly at: Time;
    }
  | {
      readonly kind: 'stepStarted';
      readonly group: number;
      readonly attempt: number;
      readonly task: number;
      readonly step: number;
      readonly at: Time;
    }
  | ({
      readonly kind: 'stepFinished';
      readonly group: number;
      readonly attempt: number;
      readonly task: number;
      readonly step: number;
      readonly at: Time;
    } & StepOutcome)
  | ({
      readonly kind: 'taskFinished';
      readonly group: number;
      readonly attempt: number;
      readonly task: number;
      readonly at: Time;
    } & TaskOutcome)
  /** The agent's closing snapshot. */
  | {
      readonly kind: 'snapshot';
      readonly group: number;
      readonly attempt: number;
      readonly tasks: readonly SnapshotTask[];
      readonly at: Time;
    }
  /** The pod ended, or will never run, without an outcome for all its tasks. `infrastructure`: the agent could not start; a new pod is tried, no retry is charged. */
  | {
      readonly kind: 'podLost';
      readonly group: number;
      readonly attempt: number;
      readonly reason: string;
      readonly message: string;
      readonly infrastructure: boolean;
      /** No other pod would fare better: none is tried, and no retry is used. */
      readonly final?: boolean;
      /** Tasks to blame, where that is known. Else: those that had started, or could have. */
      readonly tasks?: readonly number[];
      readonly at: Time;
    }
  | {
      readonly kind: 'cancel';
      readonly mode: 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally';
      readonly at: Time;
    }
  /** Time went by: timeouts are looked at. */
  | { readonly kind: 'tick'; readonly at: Time };

/** What the driver has to do. Doing one twice is harmless: pods have fixed names. */
export type Action =
  | {
      readonly kind: 'start';
      readonly group: number;
      readonly attempt: number /** Milliseconds to wait first (back-off after an infrastructure failure). */;
      readonly delay: number;
    }
  /** Delete the pod: its unfinished tasks are over. A pod that has ended already is kept, for its logs. */
  | { readonly kind: 'stop'; readonly group: number; readonly attempt: number; readonly reason: string }
  /** No new task may start in the pod; running ones go on. */
  | { readonly kind: 'drain'; readonly group: number; readonly attempt: number }
  /** Send a `tick` at this time. */
  | { readonly kind: 'wake'; readonly at: Time }
  | { readonly kind: 'finish' };

export type NodePhase = 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

/** JSON, part of the run's record. */
export interface RunState {
  /** `stopping`: no new DAG task starts, running ones go on; then `finally`, if there are such tasks. */
  readonly phase: 'running' | 'stopping' | 'finally' | 'done';
  readonly startedAt: Time | null;
  /** When the `finally` tasks could start; null before. */
  readonly finallyAt: Time | null;
  readonly finishedAt: Time | null;
  readonly cancel: {
    readonly mode: 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally';
    readonly at: Time;
  } | null;
  /** Which timeout of the run was reached; null = none. */
  readonly timedOut: 'pipeline' | 'tasks' | 'finally' | null;
  /** Condition of the whole run, Tekton's reason and message; null until done. */
  readonly condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string } | null;
  readonly nodes: readonly NodeState[];
  readonly groups: readonly GroupState[];
  /** How many nodes are not over yet. */
  readonly open: { readonly dag: number; readonly finally: number };
  /** Values of the run's results, when done. */
  readonly results: readonly { readonly name: string; readonly value: ParamValue }[];
}

export interface NodeState {
  readonly phase: NodePhase;
  /** Tekton's reason (or skip reason). */
  readonly reason: string;
  readonly message: string;
  readonly startedAt: Time | null;
  readonly finishedAt: Time | null;
  readonly results: Readonly<Record<string, ParamValue>>;
  readonly steps: readonly StepState[];
  /** Earlier attempts that failed, oldest first. */
  readonly retries: readonly {
    readonly reason: string;
    readonly message: string;
    readonly startedAt: Time | null;
    readonly finishedAt: Time;
    readonly pod: string;
    readonly results: Readonly<Record<string, ParamValue>>;
    readonly steps: readonly StepState[];
  }[];
  /** Name of the pod that ran it. */
  readonly pod: string | null;
}

export interface StepState {
  readonly phase: 'waiting' | 'running' | 'finished';
  readonly startedAt: Time | null;
  readonly finishedAt: Time | null;
  readonly exitCode: number | null;
  readonly reason: string;
  readonly message: string;
  readonly results: Readonly<Record<string, ParamValue>>;
}

export interface GroupState {
  /** `starting`: a pod was asked for; `running`: it exists; `done`: all its nodes are over. */
  readonly phase: 'waiting' | 'starting' | 'running' | 'done';
  /** Groups it needs that are not done. */
  readonly waits: number;
  /** Its nodes that are not over. */
  readonly open: number;
  /** When the first pod for these nodes was asked for; a retry starts the clock again, a pod lost to the infrastructure does not. */
  readonly startedAt: Time | null;
  /** 0 before the first. */
  readonly attempt: number;
  /** Attempts lost to the infrastructure in a row. */
  readonly lost: number;
  readonly pod: { readonly name: string; readonly uid: string } | null;
}
