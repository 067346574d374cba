import type { StepOutcome, TaskOutcome } from '../pod/program.ts';
import type { Draft } from './draft.ts';
import { isOver } from './known.ts';
import { endNode, failNode, notBefore, stopReason } from './nodes.ts';
import { groupAt, nodeAt } from './plan-index.ts';
import { ALL_STEPS_DONE, SKIP, TASK } from './reasons.ts';
import type { EngineEvent, Time } from './types.ts';

type EventOf<K extends EngineEvent['kind']> = Extract<EngineEvent, { readonly kind: K }>;

/** Whether an event speaks of the attempt that runs now: everything of another one is late. */
export const isCurrent = (
  draft: Draft,
  { group, attempt }: { readonly group: number; readonly attempt: number },
): boolean => {
  const state = draft.state.groups[group];
  return state !== undefined && state.attempt === attempt && (state.phase === 'starting' || state.phase === 'running');
};

/** Whether a task event fits: current, and of a node of that group. */
const isOurs = (
  draft: Draft,
  event: { readonly group: number; readonly attempt: number; readonly task: number },
): boolean => isCurrent(draft, event) && draft.index.groupOf[event.task] === event.group;

export const podCreated = (draft: Draft, { group, attempt, pod, uid }: EventOf<'podCreated'>): void => {
  const state = draft.state.groups[group];
  if (state === undefined || state.attempt !== attempt || state.pod !== null) return;
  if (state.phase === 'done') {
    // The run went on while the pod was being created: nobody waits for it.
    draft.setGroup(group, { pod: { name: pod, uid } });
    draft.actions.push({ kind: 'stop', group, attempt, reason: stopReason(draft.state) });
    return;
  }
  if (!isCurrent(draft, { group, attempt })) return;
  draft.setGroup(group, { phase: 'running', pod: { name: pod, uid } });
  for (const node of groupAt(draft.index, group).nodes) {
    if (!isOver(draft.node(node))) draft.setNode(node, { pod });
  }
};

export const taskStarted = (draft: Draft, event: EventOf<'taskStarted'>): void => {
  if (isOurs(draft, event)) start(draft, event.task, event.at);
};

export const stepStarted = (draft: Draft, event: EventOf<'stepStarted'>): void => {
  if (!isOurs(draft, event) || isOver(draft.node(event.task))) return;
  start(draft, event.task, event.at);
  if (draft.node(event.task).steps[event.step]?.phase === 'waiting') {
    draft.setStep(event.task, event.step, { phase: 'running', startedAt: event.at });
  }
};

export const stepFinished = (draft: Draft, event: EventOf<'stepFinished'>): void => {
  if (!isOurs(draft, event) || isOver(draft.node(event.task))) return;
  start(draft, event.task, event.at);
  finishStep(draft, event.task, event.step, event, event.at);
};

export const taskFinished = (draft: Draft, event: EventOf<'taskFinished'>): void => {
  if (isOurs(draft, event)) end(draft, event.task, event);
};

/** The closing snapshot: what had been lost on the way is put in, what is known already stays. */
export const snapshot = (draft: Draft, event: EventOf<'snapshot'>): void => {
  const { group, attempt, tasks } = event;
  for (const task of tasks) {
    const state = draft.state.groups[group];
    // A retry inside this loop makes the rest of the snapshot late.
    if (state?.attempt !== attempt || draft.index.groupOf[task.task] !== group) continue;
    const node = draft.node(task.task);
    if (node.phase === 'skipped' || node.phase === 'cancelled') continue;
    if (!isOver(node) && task.startedAt !== undefined) start(draft, task.task, timeOf(task.startedAt, event.at));
    task.steps.forEach((step, id) => {
      const startedAt = step.startedAt === undefined ? null : timeOf(step.startedAt, event.at);
      finishStep(draft, task.task, id, step, timeOf(step.finishedAt, event.at), startedAt);
    });
    if (isCurrent(draft, event)) end(draft, task.task, task);
  }
};

const start = (draft: Draft, id: number, at: Time): void => {
  const node = draft.node(id);
  if (node.phase !== 'pending') return;
  draft.setNode(id, { phase: 'running', startedAt: node.startedAt ?? notBefore(draft.state.startedAt, at) });
  const group = draft.index.groupOf[id] as number;
  if (draft.group(group).lost > 0) draft.setGroup(group, { lost: 0 });
};

const finishStep = (
  draft: Draft,
  id: number,
  step: number,
  { exitCode, reason, message = '', results = {} }: StepOutcome,
  finishedAt: Time,
  startedAt: Time | null = null,
): void => {
  const state = draft.node(id).steps[step];
  if (state === undefined || state.phase === 'finished') return;
  draft.setStep(id, step, {
    phase: 'finished',
    startedAt: state.startedAt ?? startedAt,
    finishedAt: notBefore(state.startedAt ?? startedAt, finishedAt),
    exitCode,
    reason,
    message,
    results,
  });
};

const end = (draft: Draft, id: number, { outcome, reason, message, results }: TaskOutcome): void => {
  const given = results === undefined ? {} : { results };
  switch (outcome) {
    case 'succeeded':
      endNode(draft, id, {
        phase: 'succeeded',
        reason: TASK.succeeded,
        message: message ?? ALL_STEPS_DONE,
        ...given,
      });
      return;
    case 'failed':
      if (reason === TASK.badReference) {
        badReference(draft, id, message ?? '');
        return;
      }
      failNode(draft, id, { ...blameFor(reason, message), ...given, retry: true, reported: true });
      return;
    case 'skipped':
      // A pod that somebody else deletes skips its tasks too. They are not over: its end gives them a new pod.
      if (reason === SKIP.stopping && draft.state.phase !== 'stopping') return;
      // The agent knows that it was drained, not for what.
      endNode(draft, id, {
        phase: 'skipped',
        reason: reason === SKIP.stopping ? stopReason(draft.state) : reason,
        message: message ?? '',
      });
      return;
  }
};

/** What the engine stops is over before the agent hears of it: a task that its agent cancelled was stopped by somebody else. */
const blameFor = (reason: string, message = ''): { readonly reason: string; readonly message: string } =>
  reason === TASK.cancelled
    ? { reason: 'PodDeleted', message: 'its pod was stopped from outside: deleted, evicted or preempted' }
    : { reason, message };

/** The task never ran: no retry helps. With `onError: continue` Tekton skips it, as {@link decide} does. */
const badReference = (draft: Draft, id: number, message: string): void => {
  if (nodeAt(draft.index, id).onError === 'continue') {
    endNode(draft, id, { phase: 'skipped', reason: SKIP.results, message });
    return;
  }
  failNode(draft, id, { reason: TASK.badReference, message, retry: false, reported: false });
};

const timeOf = (text: string | undefined, otherwise: Time): Time => {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? otherwise : time;
};
