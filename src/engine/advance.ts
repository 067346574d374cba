import type { Plan } from '../plan/index.ts';
import { Draft } from './draft.ts';
import { initialState } from './initial.ts';
import { podLost } from './lost.ts';
import { podCreated, snapshot, stepFinished, stepStarted, taskFinished, taskStarted } from './observe.ts';
import { indexPlan } from './plan-index.ts';
import { settle } from './schedule.ts';
import { cancelRun, checkTimeouts } from './stop.ts';
import type { Action, EngineEvent, RunState } from './types.ts';

/** A state and what has to be done about it, in this order. */
export interface Step {
  readonly state: RunState;
  readonly actions: readonly Action[];
}

/**
 * The run after an event. Pure: the same plan, state and event give the same answer. An event that is known already,
 * late (of an earlier attempt) or of no meaning gives the same state object back. The work is proportional to what the event touches,
 * but for two shallow copies of lists; ticks, cancels and failures look at every group once.
 */
export const advance = (plan: Plan, state: RunState, event: EngineEvent): Step => {
  if (state.phase === 'done' && event.kind !== 'podCreated') return { state, actions: [] };
  const draft = new Draft(indexPlan(plan), state, event.at);
  apply(draft, event);
  settle(draft);
  return { state: draft.state, actions: draft.actions };
};

/** The state that a log of events leads to. */
export const rebuild = (plan: Plan, events: Iterable<EngineEvent>): RunState => {
  let state = initialState(plan);
  for (const event of events) state = advance(plan, state, event).state;
  return state;
};

const apply = (draft: Draft, event: EngineEvent): void => {
  switch (event.kind) {
    case 'begin':
      begin(draft);
      return;
    case 'podCreated':
      podCreated(draft, event);
      return;
    case 'taskStarted':
      taskStarted(draft, event);
      return;
    case 'stepStarted':
      stepStarted(draft, event);
      return;
    case 'stepFinished':
      stepFinished(draft, event);
      return;
    case 'taskFinished':
      taskFinished(draft, event);
      return;
    case 'snapshot':
      snapshot(draft, event);
      // Nothing more comes from this pod: what it left open is lost. With nothing open this is late, and changes nothing.
      podLost(draft, stoppedPod(event));
      return;
    case 'podLost':
      podLost(draft, event);
      return;
    case 'cancel':
      cancelRun(draft, event.mode);
      return;
    case 'tick':
      checkTimeouts(draft);
      return;
  }
};

const stoppedPod = ({ group, attempt, at }: Extract<EngineEvent, { readonly kind: 'snapshot' }>) =>
  ({
    kind: 'podLost',
    group,
    attempt,
    at,
    reason: 'PodStopped',
    message: 'the pod was stopped before all its tasks had started',
    infrastructure: true,
  }) as const;

const begin = (draft: Draft): void => {
  if (draft.state.startedAt !== null) return;
  draft.set({ startedAt: draft.at });
  const { pipeline, tasks } = draft.index.timeouts;
  for (const timeout of [pipeline, tasks]) {
    if (timeout > 0) draft.actions.push({ kind: 'wake', at: draft.at + timeout });
  }
  // The first group is popped first.
  for (let id = draft.state.groups.length - 1; id >= 0; id -= 1) {
    if (draft.group(id).waits === 0) draft.ready.push(id);
  }
};
