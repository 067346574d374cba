import type { Draft } from './draft.ts';
import { isOver } from './known.ts';
import { failNodes } from './nodes.ts';
import { isCurrent } from './observe.ts';
import { groupAt, nodeAt } from './plan-index.ts';
import { delayAfter, MAX_PODS, startAttempt } from './start.ts';
import type { EngineEvent } from './types.ts';

/**
 * A pod ended, or will never run, with tasks open. If the infrastructure lost it before any of them started, the group
 * gets a new pod, {@link MAX_PODS} in a row at most, and no retry is charged. Otherwise the tasks that had started fail
 * with the pod's reason: their steps may have had effects. Where none had, those to blame fail, or those that could have started, so
 * that every lost pod ends at least one task. What is left of the group is decided like any group, and gets a new pod
 * with the recorded results. A final loss, which would hit every other pod too, is neither tried again nor a retry.
 */
export const podLost = (draft: Draft, event: Extract<EngineEvent, { readonly kind: 'podLost' }>): void => {
  if (!isCurrent(draft, event)) return;
  const { group, attempt, reason, message, infrastructure, final = false, tasks = [] } = event;
  const open = groupAt(draft.index, group).nodes.filter((node) => !isOver(draft.node(node)));
  const started = open.filter((node) => draft.node(node).phase === 'running');
  const lost = draft.group(group).lost + (infrastructure ? 1 : 0);
  draft.actions.push({ kind: 'stop', group, attempt, reason });
  draft.setGroup(group, { phase: 'waiting', pod: null, lost });

  const again = infrastructure && !final && started.length === 0 && lost < MAX_PODS;
  const going = draft.state.phase === 'running' || draft.index.isFinally[group] === true;
  if (again && going) {
    startAttempt(draft, group, { delay: delayAfter(lost), fresh: false });
    return;
  }
  if (!again) {
    const blamed = open.filter((node) => tasks.includes(node));
    const roots = open.filter((node) => nodeAt(draft.index, node).needs.every((need) => isOver(draft.node(need))));
    const atFault = new Set([...started, ...blamed]);
    const retry = !final && (!infrastructure || started.length > 0);
    failNodes(draft, atFault.size > 0 ? [...atFault] : roots, { reason, message, retry, reported: false });
  }
  draft.ready.push(group);
};
