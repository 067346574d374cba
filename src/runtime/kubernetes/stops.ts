import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { EngineEvent } from '../../engine/index.ts';
import type { Plan } from '../../plan/index.ts';
import { isCancelled, withStop } from '../../pod/index.ts';

/** Whether an event says that somebody else stopped the pod: what for, the pod's status must say before it counts. */
export const tellsStop = (event: EngineEvent): boolean => {
  switch (event.kind) {
    case 'taskFinished':
      return isCancelled(event);
    case 'snapshot':
      return event.tasks.some(isCancelled);
    default:
      return false;
  }
};

/** An event with the reason for which the pod was stopped, where its status says one. */
export const withStopOf = (plan: Plan, pod: Pod | undefined, event: EngineEvent): EngineEvent => {
  if (pod === undefined) return event;
  switch (event.kind) {
    case 'taskFinished':
      return withStop(plan, pod, event, event);
    case 'snapshot':
      return {
        ...event,
        tasks: event.tasks.map((one) => withStop(plan, pod, { group: event.group, task: one.task }, one)),
      };
    default:
      return event;
  }
};
