import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { EngineEvent } from '../../engine/index.ts';
import type { Plan } from '../../plan/index.ts';
import { isSignalled, stopOf, withStop } from '../../pod/index.ts';

/** Whether an event says that somebody else stopped the pod: what for, the pod's status must say before it counts. */
export const tellsStop = (event: EngineEvent): boolean => {
  switch (event.kind) {
    case 'taskFinished':
      return isSignalled(event);
    case 'snapshot':
      return event.tasks.some(isSignalled);
    default:
      return false;
  }
};

/** An event with the reason for which the pod was stopped, where its status says one. */
export const withStopOf = (plan: Plan, pod: Pod | undefined, event: EngineEvent): EngineEvent => {
  if (pod === undefined || !tellsStop(event) || !('group' in event)) return event;
  const stop = stopOf(plan, event.group, pod);
  switch (event.kind) {
    case 'taskFinished':
      return withStop(event, stop);
    case 'snapshot':
      return { ...event, tasks: event.tasks.map((task) => withStop(task, stop)) };
    default:
      return event;
  }
};
