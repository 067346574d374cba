import { expect, test } from 'vitest';
import { loadObjects } from '../../../src/tekton/index.ts';
import { judgeCounts } from '../../soak/counts.ts';
import { scheduleOf } from '../../soak/disturbances.ts';
import { FAULT_NAMES } from '../../soak/faults.ts';
import { judgeMemory } from '../../soak/memory.ts';
import { pipelineFor } from '../../soak/pipeline.ts';
import { runOf } from '../../soak/plan.ts';

const numbers = Array.from({ length: 500 }, (_, number) => number);

test('a run is drawn from the seed and its number alone', () => {
  const runs = numbers.map((number) => runOf(number, { seed: 7 }));
  expect(runs[17]).toEqual(runOf(17, { seed: 7 }));
  expect(runs[17]).not.toEqual(runOf(17, { seed: 8 }));
  expect(new Set(runs.map(({ fault }) => fault))).toEqual(new Set(FAULT_NAMES));
  const { fault: _, ...rest } = runs[17] ?? runOf(0, { seed: 0 });
  expect(runOf(17, { seed: 7, only: 'none' })).toEqual({ ...rest, fault: 'none' });
});

test('each of its Pipelines can be run', () => {
  for (const fault of FAULT_NAMES) {
    const pipeline = pipelineFor(runOf(0, { seed: 1, only: fault }), 'registry.example');
    expect([fault, loadObjects(JSON.stringify(pipeline), fault).diagnostics]).toEqual([fault, []]);
  }
});

test('what is executed more or less often than a fault lets it is found', () => {
  const run = runOf(0, { seed: 1, only: 'cancelled' });
  const once = { first: 1, middle: 1, last: 0 };
  expect(judgeCounts(run, new Map([[run.name, once]]))).toEqual([]);
  expect(judgeCounts(run, new Map([[run.name, { ...once, first: 2, last: 1 }]]))).toHaveLength(2);
  expect(judgeCounts({ ...run, fault: 'none' }, new Map())).toHaveLength(3);
});

test('memory is flat, grows, or cannot be told', () => {
  const of = (count: number, mib: (at: number) => number) =>
    Array.from({ length: count }, (_, at) => ({ rss: mib(at) * 1024 * 1024, heap: 0 }));
  expect(judgeMemory(of(100, () => 150)).flat).toBe(true);
  expect(judgeMemory(of(100, (at) => 150 + (at % 7))).flat).toBe(true);
  expect(judgeMemory(of(100, (at) => 100 + at)).flat).toBe(false);
  expect(judgeMemory(of(20, (at) => 100 + at)).flat).toBeUndefined();
  expect(judgeMemory([]).flat).toBeUndefined();
});

test('the cluster is disturbed on the way, not at the ends', () => {
  expect([...scheduleOf(200).keys()]).toEqual([40, 80, 120, 160]);
});
