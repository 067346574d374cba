import type { Memory } from './memory.ts';

/** What the harness asks of the process that drives many runs. */
export type Order =
  | { readonly kind: 'drive'; readonly name: string; readonly grouping: 'task' | 'run'; readonly pipeline: object }
  | { readonly kind: 'end' };

/** What it says. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'began'; readonly name: string; readonly task: string; readonly pod: string }
  | {
      readonly kind: 'ended';
      readonly name: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
      readonly memory: Memory;
    }
  /** Its driver ended before the run did; `held`: it had its record already. */
  | {
      readonly kind: 'broken';
      readonly name: string;
      readonly held: boolean;
      readonly code: string;
      readonly message: string;
    };

/** What the process is started with, as its first argument. */
export interface Setting {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly agentImage: string;
  readonly claim: string;
}
