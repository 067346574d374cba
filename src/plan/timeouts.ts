import type { Report } from './report.ts';
import { durationOf } from './steps.ts';
import type { Plan } from './types.ts';

/** Tekton's `default-timeout-minutes`, in milliseconds. */
export const DEFAULT_TIMEOUT = 60 * 60_000;

/** Timeouts as a run says them: Go durations, `0` = none. A TaskRun has `pipeline` alone. */
export interface RunTimeouts {
  readonly pipeline?: string;
  readonly tasks?: string;
  readonly finally?: string;
}

/**
 * A run's timeouts in milliseconds, checked by Tekton's rule: `tasks` + `finally` fit into `pipeline`, and neither is
 * without end while the whole has one.
 */
export const timeoutsOf = (given: RunTimeouts, report: Report): Plan['timeouts'] => {
  const at = (key: keyof RunTimeouts) => durationOf(given[key], ['spec', 'timeouts', key], report);
  const pipeline = at('pipeline') ?? DEFAULT_TIMEOUT;
  const parts = { tasks: at('tasks'), finally: at('finally') };
  if (pipeline > 0) {
    for (const key of ['tasks', 'finally'] as const) {
      if (parts[key] === 0) {
        report('bad-timeouts', `${key} has no timeout while the pipeline has one`, ['spec', 'timeouts', key]);
      }
    }
    if ((parts.tasks ?? 0) + (parts.finally ?? 0) > pipeline) {
      report('bad-timeouts', 'tasks and finally together are longer than the pipeline', ['spec', 'timeouts']);
    }
  }
  return {
    pipeline,
    ...(parts.tasks === undefined ? {} : { tasks: parts.tasks }),
    ...(parts.finally === undefined ? {} : { finally: parts.finally }),
  };
};

/**
 * Timeout of a task that says none: the default, or that of its section where the section's is longer or endless, so
 * that a task is not cut short by a default. A section that says none has what the other one leaves of the pipeline.
 */
export const taskTimeout = ({ pipeline, ...sections }: Plan['timeouts'], section: 'tasks' | 'finally'): number => {
  const other = sections[section === 'tasks' ? 'finally' : 'tasks'];
  const rest = pipeline > 0 && other !== undefined && other > 0 ? pipeline - other : undefined;
  const own = sections[section] ?? rest;
  if (own === 0) return 0;
  return Math.max(DEFAULT_TIMEOUT, own ?? 0);
};
