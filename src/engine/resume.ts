import type { Plan } from '../plan/index.ts';
import { Draft } from './draft.ts';
import { groupAt, indexPlan } from './plan-index.ts';
import { delayAfter } from './start.ts';
import { nextDeadline } from './stop.ts';
import type { Action, RunState, Time } from './types.ts';

/**
 * What a driver has to do that takes over a run in this state: the actions that its forerunner may not have carried out.
 * Pods that exist already are found by name. Before the `begin` event there is nothing to do but send it.
 */
export const pendingActions = (plan: Plan, state: RunState, now: Time): readonly Action[] => {
  if (state.startedAt === null) return [];
  if (state.phase === 'done') return [{ kind: 'finish' }];
  const index = indexPlan(plan);
  const actions: Action[] = [];
  state.groups.forEach(({ phase, attempt, lost }, group) => {
    if (phase === 'starting') actions.push({ kind: 'start', group, attempt, delay: lost > 0 ? delayAfter(lost) : 0 });
    const active = phase === 'starting' || phase === 'running';
    if (active && state.phase === 'stopping' && groupAt(index, group).nodes.length > 1) {
      actions.push({ kind: 'drain', group, attempt });
    }
  });
  const deadline = nextDeadline(new Draft(index, state, now));
  return deadline === null ? actions : [...actions, { kind: 'wake', at: deadline }];
};
