import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { EngineEvent } from '../../engine/index.ts';
import type { Plan } from '../../plan/index.ts';
import {
  containersOf,
  isSignalled,
  oomMessage,
  type StepContainer,
  type StepOutcome,
  type TaskOutcome,
  terminated,
} from '../../pod/index.ts';

/** What the kernel leaves of a step that wanted too much memory, and what is left of one whose pod was stopped. */
const isKilled = ({ exitCode, reason }: StepOutcome): boolean => isSignalled(exitCode) && reason === 'Error';

/**
 * The containers whose end in the pod's status must be known before an event counts: steps that were killed, perhaps for
 * their memory, perhaps with their pod. The agent cannot see why; the kubelet can.
 */
export const killedIn = (plan: Plan, event: EngineEvent): readonly string[] => {
  const named = (task: number, step: number): readonly string[] =>
    'group' in event
      ? containersOf(plan, event.group)
          .filter((one) => one.task === task && one.step === step)
          .map(({ container }) => container)
      : [];
  switch (event.kind) {
    case 'stepFinished':
      return isKilled(event) ? named(event.task, event.step) : [];
    case 'snapshot':
      return event.tasks.flatMap(({ task, steps }) =>
        steps.flatMap((step, index) => (isKilled(step) ? named(task, index) : [])),
      );
    default:
      return [];
  }
};

/** An event with Tekton's words for steps that the pod's status says were killed for their memory. */
export const withOom = (plan: Plan, pod: Pod | undefined, event: EngineEvent): EngineEvent => {
  if (pod === undefined || !('group' in event)) return event;
  const killed = containersOf(plan, event.group).filter(
    ({ container }) => terminated(pod, container)?.reason === 'OOMKilled',
  );
  if (killed.length === 0) return event;
  switch (event.kind) {
    case 'stepFinished':
      return killed.some(({ task, step }) => task === event.task && step === event.step)
        ? { ...event, ...stepOf(event) }
        : event;
    case 'taskFinished':
      return { ...event, ...taskOf(event, event.task, killed) };
    case 'snapshot':
      return {
        ...event,
        tasks: event.tasks.map((one) => ({
          ...one,
          ...taskOf(one, one.task, killed),
          steps: one.steps.map((step, index) =>
            killed.some((at) => at.task === one.task && at.step === index) ? { ...step, ...stepOf(step) } : step,
          ),
        })),
      };
    default:
      return event;
  }
};

const stepOf = (step: StepOutcome): Partial<StepOutcome> => (isKilled(step) ? { reason: 'OOMKilled' } : {});

const taskOf = (
  { outcome, reason }: TaskOutcome,
  task: number,
  killed: readonly StepContainer[],
): Partial<TaskOutcome> => {
  const step = killed.find((one) => one.task === task);
  if (step === undefined || outcome !== 'failed' || reason !== 'StepFailed') return {};
  return { reason: 'StepOOM', message: oomMessage(step.container) };
};
