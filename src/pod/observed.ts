import type { StepOutcome, TaskOutcome } from './program.ts';

interface Place {
  readonly group: number;
  readonly attempt: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
}

/** What a pod's status says: events of the engine, in the engine's shape. */
export type PodEvent =
  | ({ readonly kind: 'stepFinished'; readonly task: number; readonly step: number } & Place & StepOutcome)
  | ({ readonly kind: 'taskFinished'; readonly task: number } & Place & TaskOutcome)
  | ({
      readonly kind: 'podLost';
      readonly reason: string;
      readonly message: string;
      readonly infrastructure: boolean;
      readonly final?: boolean;
      readonly tasks?: readonly number[];
    } & Place);

/** Why a pod does not run yet, for the user to see. `code` is Kubernetes' reason. */
export interface PodNotice {
  readonly code: string;
  readonly message: string;
}

export interface Interpretation {
  readonly events: readonly PodEvent[];
  readonly notices: readonly PodNotice[];
  /** Whether the passing of time alone may change the answer: look again soon. */
  readonly again: boolean;
}

/** How a pod was lost, before group, attempt and time are known. */
export type Loss = Omit<Extract<PodEvent, { readonly kind: 'podLost' }>, 'kind' | keyof Place>;
