import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Action, advance, type EngineEvent, initialState, type RunState, rebuild, SKIP } from 'waybill/engine';
import type { Plan } from 'waybill/plan';
import { groupNodes } from '../../../src/plan/grouping.ts';
import { type NodePatch, planOf } from './fixture.ts';

/** Random DAGs with `finally` tasks, retries, ignored failures and conditions, grouped as `--pods task` or `run`. */
const plans = fc
  .record({
    size: fc.integer({ min: 1, max: 9 }),
    last: fc.integer({ min: 0, max: 2 }),
    grouping: fc.constantFrom('task' as const, 'run' as const),
    shape: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
  })
  .map(({ size, last, grouping, shape }): Plan => {
    const at = (place: number): number => shape[place % shape.length] as number;
    const nodes = Array.from({ length: size + last }, (_, id): NodePatch => {
      const inFinally = id >= size;
      const needs = inFinally
        ? []
        : Array.from({ length: id }, (_, need) => need).filter((need) => at(id * 7 + need) % 3 === 0);
      const from = needs.at(-1);
      const uses = from !== undefined && at(id + 31) % 3 === 0;
      return {
        name: `t${id}`,
        finally: inFinally,
        needs,
        retries: at(id + 11) % 4 === 0 ? 1 : 0,
        onError: at(id + 17) % 4 === 0 ? 'continue' : 'stopAndFail',
        timeout: at(id + 41) % 5 === 0 ? 40 : 0,
        params: uses ? [{ name: 'p', value: { kind: 'string', text: [{ task: from, result: 'r' }] } }] : [],
        when: at(id + 23) % 6 === 0 ? [{ input: ['a'], operator: 'in', values: [] }] : [],
      };
    });
    const groups = groupNodes(
      nodes.map(({ needs = [], finally: inFinally = false, retries = 0 }, id) => ({
        needs,
        finally: inFinally,
        key: `${at(id + 47) % 2}`,
        solo: retries > 0 ? ['retries'] : [],
      })),
      grouping,
    );
    const timeouts = { pipeline: at(3) % 5 === 0 ? 150 : 0, ...(at(4) % 5 === 0 ? { tasks: 100 } : {}) };
    return { ...planOf(nodes, { timeouts }), groups };
  });

/** What a pod has still to say, in its order; pods among each other have none. */
interface Pod {
  readonly group: number;
  readonly attempt: number;
  drained: boolean;
  readonly over: Set<number>;
}

/** A world that carries out actions and answers in random order. It asserts what the engine may never do. */
class World {
  readonly plan: Plan;
  readonly log: EngineEvent[] = [];
  readonly pods = new Map<string, Pod>();
  state: RunState;
  finished = 0;
  now = 0;
  readonly #choose: () => number;

  constructor(plan: Plan, choices: readonly number[]) {
    this.plan = plan;
    this.state = initialState(plan);
    let next = 0;
    this.#choose = () => {
      next += 1;
      return (choices[next % choices.length] as number) + next;
    };
  }

  run(): void {
    this.send({ kind: 'begin', at: this.now });
    for (let step = 0; this.state.phase !== 'done'; step += 1) {
      if (step > 2000) throw new Error('the run does not end');
      this.now += 1 + (this.#choose() % 5);
      this.step();
    }
  }

  private step(): void {
    const what = this.#choose() % 40;
    if (what === 0) {
      this.send({ kind: 'tick', at: this.now });
      return;
    }
    if (what === 1) {
      // A late or repeated event changes nothing.
      const old = this.log[this.#choose() % this.log.length];
      const before = this.state;
      if (old !== undefined && old.kind !== 'tick' && old.kind !== 'cancel') {
        this.send(old);
        expect(this.state).toBe(before);
      }
      return;
    }
    if (what === 2 && this.#choose() % 20 === 0) {
      const modes = ['Cancelled', 'CancelledRunFinally', 'StoppedRunFinally'] as const;
      this.send({ kind: 'cancel', mode: modes[this.#choose() % 3] as 'Cancelled', at: this.now });
      return;
    }
    const pods = [...this.pods.values()];
    const pod = pods[this.#choose() % Math.max(1, pods.length)];
    if (pod === undefined) throw new Error('nothing runs, and the run is not over');
    const place = { group: pod.group, attempt: pod.attempt, at: this.now };
    if (this.#choose() % 25 === 0) {
      this.pods.delete(`${pod.group}/${pod.attempt}`);
      this.send({
        kind: 'podLost',
        ...place,
        reason: 'Lost',
        message: '',
        infrastructure: this.#choose() % 2 === 0,
        final: this.#choose() % 4 === 0,
      });
      return;
    }
    this.agent(pod, place);
  }

  /** One move of a pod's agent: starts or ends a task, as the real one would. */
  private agent(pod: Pod, place: { readonly group: number; readonly attempt: number; readonly at: number }): void {
    const { nodes } = this.plan.groups[pod.group] as Plan['groups'][number];
    const open = nodes.filter((id) => !pod.over.has(id) && ['pending', 'running'].includes(this.phase(id)));
    const able = open.filter((id) => this.node(id).needs.every((need) => !open.includes(need)));
    const task = able[this.#choose() % Math.max(1, able.length)];
    if (task === undefined) {
      this.pods.delete(`${pod.group}/${pod.attempt}`);
      return;
    }
    const skip = (reason: string): void =>
      this.end(pod, { kind: 'taskFinished', ...place, task, outcome: 'skipped', reason });
    if (this.phase(task) === 'pending') {
      if (pod.drained) {
        skip(SKIP.stopping);
        return;
      }
      const parents = this.node(task).needs.map((need) => this.state.nodes[need]);
      if (parents.some((parent) => parent?.phase === 'skipped' && parent.reason !== SKIP.when)) {
        skip(SKIP.parent);
        return;
      }
      if (parents.some((parent) => parent?.phase === 'failed' && !this.ignores(parent))) {
        skip(SKIP.stopping);
        return;
      }
      if (this.node(task).when.length > 0) {
        skip(SKIP.when);
        return;
      }
      this.send({ kind: 'taskStarted', ...place, task });
      return;
    }
    const failed = this.#choose() % 6 === 0;
    const results = this.#choose() % 8 === 0 ? {} : { r: 'x' };
    this.end(pod, {
      kind: 'taskFinished',
      ...place,
      task,
      outcome: failed ? 'failed' : 'succeeded',
      reason: failed ? 'StepFailed' : 'Succeeded',
      results,
    });
  }

  private end(pod: Pod, event: Extract<EngineEvent, { kind: 'taskFinished' }>): void {
    pod.over.add(event.task);
    this.send(event);
  }

  private send(event: EngineEvent): void {
    this.log.push(event);
    const before = this.state;
    const { state, actions } = advance(this.plan, before, event);
    this.state = state;
    for (const [id, node] of state.nodes.entries()) this.checkNode(id, before.nodes[id], node);
    for (const action of actions) this.carryOut(action);
  }

  private checkNode(id: number, before: RunState['nodes'][number] | undefined, node: RunState['nodes'][number]): void {
    if (before === undefined || before.phase === node.phase) return;
    const ranks = { pending: 0, running: 1, succeeded: 2, failed: 2, skipped: 2, cancelled: 2 };
    const retried = node.retries.length === before.retries.length + 1;
    if (!retried)
      expect(ranks[node.phase], `${id}: ${before.phase} → ${node.phase}`).toBeGreaterThan(ranks[before.phase]);
    expect(node.retries.length).toBeLessThanOrEqual(this.node(id).retries);
  }

  private carryOut(action: Action): void {
    switch (action.kind) {
      case 'start': {
        const { nodes } = this.plan.groups[action.group] as Plan['groups'][number];
        for (const id of nodes) {
          const outside = this.node(id).needs.filter((need) => !nodes.includes(need));
          for (const need of outside) expect(['pending', 'running']).not.toContain(this.phase(need));
          if (this.node(id).finally) expect(this.state.open.dag).toBe(0);
        }
        expect(nodes.some((id) => this.phase(id) === 'pending')).toBe(true);
        this.pods.set(`${action.group}/${action.attempt}`, {
          group: action.group,
          attempt: action.attempt,
          drained: false,
          over: new Set(),
        });
        return;
      }
      case 'stop':
        this.pods.delete(`${action.group}/${action.attempt}`);
        return;
      case 'drain': {
        const pod = this.pods.get(`${action.group}/${action.attempt}`);
        if (pod !== undefined) pod.drained = true;
        return;
      }
      case 'wake':
        return;
      case 'finish':
        this.finished += 1;
        return;
    }
  }

  private node(id: number): Plan['nodes'][number] {
    return this.plan.nodes[id] as Plan['nodes'][number];
  }

  private phase(id: number): string {
    return this.state.nodes[id]?.phase ?? 'none';
  }

  private ignores(node: RunState['nodes'][number]): boolean {
    return this.plan.nodes[this.state.nodes.indexOf(node)]?.onError === 'continue';
  }
}

test('every run ends, in order, with finally, and its state can be rebuilt from the events', () => {
  fc.assert(
    fc.property(plans, fc.array(fc.nat(), { minLength: 20, maxLength: 200 }), (plan, choices) => {
      const world = new World(plan, choices);
      world.run();
      const { state } = world;
      expect(world.finished).toBe(1);
      expect(state.nodes.every(({ phase }) => phase !== 'pending' && phase !== 'running')).toBe(true);
      expect(state.open).toEqual({ dag: 0, finally: 0 });
      expect(state.groups.every(({ phase, open, waits }) => phase === 'done' && open === 0 && waits === 0)).toBe(true);
      expect(rebuild(plan, world.log)).toEqual(state);
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      const cut = state.cancel?.mode === 'Cancelled' || state.condition?.reason === 'PipelineRunTimeout';
      const reached = plan.nodes.some((node) => node.finally) ? state.finallyAt !== null : true;
      expect(cut || reached).toBe(true);
    }),
    { numRuns: 400 },
  );
});
