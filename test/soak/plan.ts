import { FAULT_NAMES, type Fault } from './faults.ts';
import { randomOf } from './random.ts';

/** One run of the soak, wholly chosen by the seed and its number. */
export interface SoakRun {
  readonly number: number;
  readonly name: string;
  readonly fault: Fault;
  readonly grouping: 'task' | 'run';
  /** Milliseconds from the start of its driver to the fault, where the fault has a moment of its own. */
  readonly after: number;
  /** Seconds that its middle task takes, where the fault leaves it in peace. */
  readonly sleep: number;
}

export interface PlanOptions {
  readonly seed: number;
  /** Every run has this fault. */
  readonly only?: Fault | undefined;
}

/** The run of that number; the same for the same seed, whatever else runs. */
export const runOf = (number: number, { seed, only }: PlanOptions): SoakRun => {
  const random = randomOf(seed, number);
  // Drawn in any case, so that `only` changes nothing else.
  const drawn = random.pick(FAULT_NAMES);
  const fault = only ?? drawn;
  const grouping = random.pick(['task', 'run'] as const);
  const after = random.between(300, 9000);
  const sleep = random.between(1, 3);
  return { number, name: `soak-${seed}-${number}`, fault, grouping, after, sleep };
};
