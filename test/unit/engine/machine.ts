import { type Action, advance, type EngineEvent, initialState, type RunState } from 'waybill/engine';
import type { Plan } from 'waybill/plan';
import type { ParamValue } from '../../../src/tekton/index.ts';

/** A run under test: sends events, keeps state, log and actions. Time is one millisecond an event unless given. */
export class Machine {
  readonly plan: Plan;
  readonly log: EngineEvent[] = [];
  readonly actions: Action[] = [];
  state: RunState;
  now = 1_000;

  constructor(plan: Plan) {
    this.plan = plan;
    this.state = initialState(plan);
  }

  send(event: EngineEvent): readonly Action[] {
    this.log.push(event);
    const { state, actions } = advance(this.plan, this.state, event);
    this.state = state;
    this.actions.push(...actions);
    return actions;
  }

  begin(): readonly Action[] {
    return this.send({ kind: 'begin', at: this.now });
  }

  tick(after: number): readonly Action[] {
    this.now += after;
    return this.send({ kind: 'tick', at: this.now });
  }

  cancel(mode: 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally'): readonly Action[] {
    return this.send({ kind: 'cancel', mode, at: this.next() });
  }

  created(group: number): readonly Action[] {
    const { attempt } = this.group(group);
    return this.send({
      kind: 'podCreated',
      ...{ group, attempt },
      pod: `p${group}-${attempt}`,
      uid: `u${group}-${attempt}`,
      at: this.next(),
    });
  }

  started(task: number): readonly Action[] {
    return this.send({ kind: 'taskStarted', ...this.place(task), task, at: this.next() });
  }

  succeeded(task: number, results: Record<string, ParamValue> = {}): readonly Action[] {
    return this.finished(task, 'succeeded', 'Succeeded', results);
  }

  failed(task: number, results: Record<string, ParamValue> = {}, reason = 'StepFailed'): readonly Action[] {
    return this.finished(task, 'failed', reason, results);
  }

  skipped(task: number, reason: string): readonly Action[] {
    return this.finished(task, 'skipped', reason, {});
  }

  lost(group: number, infrastructure: boolean, reason = 'PodDeleted', tasks?: number[]): readonly Action[] {
    const { attempt } = this.group(group);
    return this.send({
      kind: 'podLost',
      group,
      attempt,
      reason,
      message: 'gone',
      infrastructure,
      at: this.next(),
      ...(tasks === undefined ? {} : { tasks }),
    });
  }

  phases(): string {
    return this.state.nodes.map(({ phase }) => phase).join(' ');
  }

  private finished(
    task: number,
    outcome: 'succeeded' | 'failed' | 'skipped',
    reason: string,
    results: Record<string, ParamValue>,
  ): readonly Action[] {
    return this.send({ kind: 'taskFinished', ...this.place(task), task, outcome, reason, results, at: this.next() });
  }

  private place(task: number): { readonly group: number; readonly attempt: number } {
    const group = this.plan.groups.findIndex(({ nodes }) => nodes.includes(task));
    return { group, attempt: this.group(group).attempt };
  }

  private group(id: number) {
    const group = this.state.groups[id];
    if (group === undefined) throw new Error(`no group ${id}`);
    return group;
  }

  private next(): number {
    this.now += 1;
    return this.now;
  }
}

/** `start 0/1` and the like, without waits. */
export const shown = (actions: readonly Action[]): string[] =>
  actions.flatMap((action) => {
    switch (action.kind) {
      case 'start':
        return [`start ${action.group}/${action.attempt}${action.delay > 0 ? ` +${action.delay}` : ''}`];
      case 'stop':
      case 'drain':
        return [`${action.kind} ${action.group}/${action.attempt}`];
      case 'finish':
        return ['finish'];
      default:
        return [];
    }
  });
