import { WaybillError } from 'waybill';
import { containersOf } from 'waybill/pod';
import type { RunRecord } from 'waybill/record';
import type { RunPod } from 'waybill/runtime';
import type { StepLog } from './output/logs.ts';

export interface StartedStep extends StepLog {
  /** The record knows that the step itself has begun, not only its container. */
  readonly began: boolean;
}

/**
 * The steps whose containers run or have run in these pods, in the order of the plan, and of retries in theirs. A pod of
 * several tasks has started the containers of steps whose turn is still to come.
 */
export const stepsIn = (
  { plan, state }: RunRecord,
  pods: readonly RunPod[],
  tasks: readonly string[] | undefined,
): readonly StartedStep[] =>
  pods.flatMap(({ name: pod, group, started }) =>
    containersOf(plan, group).flatMap(({ container, task: id, step }) => {
      const node = plan.nodes[id];
      if (node === undefined || !started.has(container) || tasks?.includes(node.name) === false) return [];
      const known = state.nodes[id];
      const began = known?.pod === pod && (known.steps[step]?.phase ?? 'waiting') !== 'waiting';
      return [{ pod, container, task: node.name, step: node.steps[step]?.name ?? '', began }];
    }),
  );

/** Throws `NotFound` for a task that a run does not have. */
export const checkTasks = ({ plan, name }: RunRecord, tasks: readonly string[] | undefined): void => {
  const unknown = tasks?.find((task) => !plan.nodes.some((node) => node.name === task));
  if (unknown === undefined) return;
  const hint = `it has ${plan.nodes.map((node) => node.name).join(', ')}`;
  throw new WaybillError('NotFound', `run ${name} has no task "${unknown}"`, { hint });
};
