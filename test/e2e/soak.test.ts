import { beforeAll, describe, expect, test } from 'vitest';
import { FAULT_NAMES } from '../soak/faults.ts';
import { type Finding, type SoakReport, soak } from '../soak/soak.ts';

/** Draws every fault at least once in so few runs. */
const SEED = 1835;
const RUNS = 20;
const PARALLEL = 5;
const LONGEST_MS = 15 * 60_000;

describe('the short form of `npm run soak`: 20 runs, 5 at once, a fault in each', () => {
  let report: SoakReport;

  beforeAll(async () => {
    const numbers = Array.from({ length: RUNS }, (_, number) => number);
    report = await soak({ seed: SEED, numbers, parallel: PARALLEL, disturb: false, say: () => undefined });
  }, LONGEST_MS);

  const found = (kind: Finding['kind']): readonly string[] =>
    report.findings
      .filter((finding) => finding.kind === kind)
      .map(({ run, what }) => `${run?.name} ${run?.fault}: ${what}`);

  test('no run is lost: each ends as its fault lets it', () => {
    expect(found('end')).toEqual([]);
    expect(Object.keys(report.faults).sort()).toEqual([...FAULT_NAMES].sort());
  });

  test('no task is executed twice, and none is left out', () => expect(found('count')).toEqual([]));

  test('nothing is left behind', () => expect(found('left')).toEqual([]));
});
