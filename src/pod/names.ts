import { createHash } from 'node:crypto';
import { childName, type Plan } from '../plan/index.ts';
import { groupOf, nodeOf } from './lookup.ts';

/** Longest name of a container: a DNS label. */
const LONGEST = 63;

/** One step's container: where it is in the plan, and the socket that only it can see. */
export interface StepContainer {
  readonly container: string;
  readonly task: number;
  /** Index of the step in its task. */
  readonly step: number;
  readonly socket: number;
}

/**
 * The step containers of a group, in the order of its tasks: those of all its tasks, whatever an attempt still has to
 * run, so that names and sockets are the same in every attempt. A task alone has Tekton's names, `step-NAME`;
 * tasks that share a pod `step-TASK-STEP`, shortened with a hash where that is too long or not unique.
 */
export const containersOf = (plan: Plan, group: number): readonly StepContainer[] => {
  const { nodes } = groupOf(plan, group);
  const steps = nodes.flatMap((task) => nodeOf(plan, task).steps.map(({ name }, step) => ({ task, step, name })));
  const plain = steps.map(({ task, name }) =>
    nodes.length === 1 ? `step-${name}` : `step-${nodeOf(plan, task).name}-${name}`,
  );
  const count = new Map<string, number>();
  for (const name of plain) count.set(name, (count.get(name) ?? 0) + 1);
  return steps.map(({ task, step, name }, socket) => {
    const whole = plain[socket] as string;
    const clear = whole.length <= LONGEST && count.get(whole) === 1;
    const container = clear ? whole : shortened(whole, `${nodeOf(plan, task).name}/${name}`);
    return { container, task, step, socket };
  });
};

/** Name of a group's pod: Tekton's for a task alone, and always with the attempt at its end. A DNS label. */
export const podNameOf = (plan: Plan, group: number, attempt: number): string => {
  const { nodes } = groupOf(plan, group);
  const [first] = nodes;
  const parent =
    nodes.length === 1 && first !== undefined ? nodeOf(plan, first).runName : `${plan.name}-group-${group}`;
  return childName(parent, `-pod-${attempt}`);
};

/** A name cut to a DNS label, with eight hex digits of `identity` that keep it apart from others. */
export const shortened = (name: string, identity: string): string => {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 8);
  return `${name.slice(0, LONGEST - 9).replace(/-+$/, '')}-${hash}`;
};
