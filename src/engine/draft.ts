import { WaybillError } from '../core/index.ts';
import type { PlanIndex } from './plan-index.ts';
import type { Action, GroupState, NodeState, RunState, StepState, Time } from './types.ts';

/**
 * One state in the making. Lists are copied at their first change and everything else is shared with the state before,
 * so an event costs two shallow copies plus what it touches, and one that changes nothing gives the same object back.
 */
export class Draft {
  readonly index: PlanIndex;
  /** The event's time. */
  readonly at: Time;
  readonly actions: Action[] = [];
  /** Groups to look at: nothing they wait for is open. */
  readonly ready: number[] = [];
  #state: RunState;
  #nodes: NodeState[] | null = null;
  #groups: GroupState[] | null = null;

  constructor(index: PlanIndex, state: RunState, at: Time) {
    this.index = index;
    this.#state = state;
    this.at = at;
  }

  /** The state as it is now; its lists may still change. */
  get state(): RunState {
    return this.#state;
  }

  node(id: number): NodeState {
    return this.#state.nodes[id] ?? missing(`node ${id}`);
  }

  group(id: number): GroupState {
    return this.#state.groups[id] ?? missing(`group ${id}`);
  }

  set(patch: Partial<Omit<RunState, 'nodes' | 'groups'>>): void {
    this.#state = { ...this.#state, ...patch };
  }

  setNode(id: number, patch: Partial<NodeState>): void {
    if (this.#nodes === null) {
      this.#nodes = [...this.#state.nodes];
      this.#state = { ...this.#state, nodes: this.#nodes };
    }
    this.#nodes[id] = { ...this.node(id), ...patch };
  }

  setStep(id: number, step: number, patch: Partial<StepState>): void {
    const { steps } = this.node(id);
    this.setNode(id, { steps: steps.map((state, at) => (at === step ? { ...state, ...patch } : state)) });
  }

  setGroup(id: number, patch: Partial<GroupState>): void {
    if (this.#groups === null) {
      this.#groups = [...this.#state.groups];
      this.#state = { ...this.#state, groups: this.#groups };
    }
    this.#groups[id] = { ...this.group(id), ...patch };
  }
}

const missing = (what: string): never => {
  throw new WaybillError('Internal', `the state does not fit the plan: no ${what}`);
};
