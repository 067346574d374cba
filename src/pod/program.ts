import type { Item, PlanWhen, Text } from '../plan/index.ts';
import type { ParamType, ParamValue } from '../tekton/index.ts';

/**
 * What one pod's supervisor executes: the wire format between `src/pod` and `agent/`, version 1. Written down in
 * docs/agent-protocol.md; the vectors in fixtures/ run against the TypeScript and the Go side. All that comes from outside
 * the pod is literal here; references that remain point to tasks of this program (by id) or steps of the same task (by index).
 */
export interface Program {
  readonly version: 1;
  /** UID of the run; comes back in the agent's `hello`. */
  readonly run: string;
  /** Group id and attempt (1 = the first). */
  readonly group: number;
  readonly attempt: number;
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  /** Longest value of one result, and of all results of the pod, in bytes. */
  readonly limits: { readonly result: number; readonly results: number };
  /** In topological order. */
  readonly tasks: readonly ProgramTask[];
}

export interface ProgramTask {
  /** Node id in the plan. */
  readonly id: number;
  readonly name: string;
  /** Ids of tasks of this program that must be done first. */
  readonly needs: readonly number[];
  readonly when: readonly PlanWhen[];
  /** Milliseconds from the task's start; 0 = none. */
  readonly timeout: number;
  readonly onError: 'continue' | 'stopAndFail';
  readonly steps: readonly ProgramStep[];
  readonly results: readonly { readonly name: string; readonly type: ParamType; readonly value?: ProgramValue }[];
}

export interface ProgramStep {
  readonly name: string;
  /** Index of the step's socket folder under the run volume: `s<socket>`. Unique in the pod. */
  readonly socket: number;
  /** Either a script with args, or an argv. */
  readonly script?: Text;
  readonly argv: readonly Item[];
  /** Entries that hold references; settled ones stand in the pod spec. */
  readonly env: readonly { readonly name: string; readonly value: Text }[];
  readonly workingDir?: Text;
  readonly timeout: number;
  readonly onError: 'continue' | 'stopAndFail';
  /** Results of the step, read from /tekton/steps/step-NAME/results. */
  readonly results: readonly { readonly name: string; readonly type: ParamType }[];
}

export type ProgramValue =
  | { readonly kind: 'string'; readonly text: Text }
  | { readonly kind: 'array'; readonly items: readonly Item[] }
  | { readonly kind: 'object'; readonly entries: Readonly<Record<string, Text>> }
  | { readonly kind: 'step'; readonly step: number; readonly result: string };

/** What the supervisor says on its standard output, after parts are joined. `seq` counts lines from 1, `time` is RFC 3339 in UTC with milliseconds. */
export type AgentEvent = { readonly seq: number; readonly time: string } & (
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly agent: string;
      readonly run: string;
      readonly group: number;
      readonly attempt: number;
    }
  | { readonly type: 'task.started'; readonly task: number }
  | { readonly type: 'step.started'; readonly task: number; readonly step: number }
  | ({ readonly type: 'step.finished'; readonly task: number; readonly step: number } & StepOutcome)
  | ({ readonly type: 'task.finished'; readonly task: number } & TaskOutcome)
  | { readonly type: 'heartbeat' }
  /** The last one: every task and step again, so that a reader with a gap loses nothing. */
  | { readonly type: 'closing'; readonly tasks: readonly SnapshotTask[] }
);

export type StepReason =
  | 'Completed'
  | 'Error'
  | 'Continued'
  | 'Skipped'
  | 'TimeoutExceeded'
  | 'Cancelled' /* from the pod's status: */
  | 'OOMKilled';

export interface StepOutcome {
  /** Exit code; 128 + n for a signal. */
  readonly exitCode: number;
  readonly reason: StepReason;
  /** For what the shim itself could not do (no such program, result too large), in words. */
  readonly message?: string;
  readonly results?: Readonly<Record<string, ParamValue>>;
}

export interface TaskOutcome {
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
  /** Tekton's reason or skip reason. */
  readonly reason: string;
  readonly message?: string;
  readonly results?: Readonly<Record<string, ParamValue>>;
}

export interface SnapshotTask extends TaskOutcome {
  readonly task: number;
  readonly startedAt?: string;
  readonly finishedAt: string;
  readonly steps: readonly (StepOutcome & { readonly startedAt?: string; readonly finishedAt?: string })[];
}
