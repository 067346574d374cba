import type { ParamValue } from '../tekton/index.ts';

/**
 * A value that the run still completes: a list of literals and references, compiled from Tekton's `$(…)` at plan time.
 * What is known when the plan is made (params, workspaces, context) is literal already; a text of literals alone is
 * *settled*. Content that comes in through a reference is never read as a reference, variable or shell again.
 */
export type Text = readonly Segment[];

export type Segment =
  | string
  /** `$(tasks.T.results.R)`, `[index]`, `.key`; `task` is the node's id. */
  | { readonly task: number; readonly result: string; readonly index?: number; readonly key?: string }
  /** `$(steps.S.results.R)` of the same task; `step` is the step's index. */
  | { readonly step: number; readonly result: string; readonly index?: number; readonly key?: string }
  /** `$(tasks.T.status)`: Succeeded, Failed or None; with `all`, `$(tasks.status)`. */
  | { readonly status: number | 'all' }
  /** `$(tasks.T.reason)` */
  | { readonly reason: number }
  /** `$(context.task.retry-count)` */
  | { readonly retryCount: true }
  /** Kubernetes' `$(NAME)` in a step's command or args, NAME an env entry of that step. */
  | { readonly env: string };

/** One place in a list: a text, or a whole array result (`$(tasks.T.results.R[*])`) that becomes several texts. */
export type Item =
  | { readonly text: Text }
  | {
      readonly splat:
        | { readonly task: number; readonly result: string }
        | { readonly step: number; readonly result: string };
    };

/** A param or result value whose leaves are texts. `whole` passes an array or object result on as it is. */
export type Value =
  | { readonly kind: 'string'; readonly text: Text }
  | { readonly kind: 'array'; readonly items: readonly Item[] }
  | { readonly kind: 'object'; readonly entries: Readonly<Record<string, Text>> }
  | { readonly kind: 'whole'; readonly task: number; readonly result: string };

/** What references are completed from. A getter returns undefined where the value does not exist (yet). */
export interface Known {
  result(task: number, name: string): ParamValue | undefined;
  stepResult?(step: number, name: string): ParamValue | undefined;
  status?(task: number | 'all'): string | undefined;
  reason?(task: number): string | undefined;
  readonly retryCount?: number;
  /** Environment of the step, where `env` segments are completed: undefined for a name without a value. */
  env?(name: string): string | undefined;
  /** How many characters of values may still be put in, counted down; without it, any number. */
  readonly room?: { left: number };
}
