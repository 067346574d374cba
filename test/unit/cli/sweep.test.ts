import { expect, test } from 'vitest';
import { sweep, sweepRule } from '../../../cli/sweep.ts';
import type { RecordSummary } from '../../../src/runtime/index.ts';

const DAY = 24 * 3_600_000;
const NOW = 100 * DAY;

const run = (name: string, days: number | null): RecordSummary => ({
  name,
  namespace: 'ours',
  uid: name,
  annotations: {},
  lease: { holder: '', epoch: 1, renewed: 0 },
  driverAlive: false,
  finished: days === null ? null : NOW - days * DAY,
});

const RUNS = [run('week', 7), run('running', null), run('now', 0), run('month', 30), run('day', 1)];
const swept = (olderThan: string | undefined, keep: string | undefined): readonly string[] => {
  const rule = sweepRule(olderThan, keep);
  return rule === undefined ? [] : sweep(RUNS, rule, NOW).map(({ name }) => name);
};

test.each([
  ['1d12h', undefined, ['week', 'month']],
  ['36h', undefined, ['week', 'month']],
  ['0s', undefined, ['day', 'week', 'month']],
  [undefined, '1', ['day', 'week', 'month']],
  [undefined, '0', ['now', 'day', 'week', 'month']],
  [undefined, '9', []],
  ['2d', '1', ['week', 'month']],
  ['2d', '3', ['month']],
  [undefined, undefined, []],
])('older than %s, keeping %s', (olderThan, keep, gone) => {
  expect(swept(olderThan, keep)).toEqual(gone);
});

test.each([
  ['a week', undefined],
  ['', undefined],
  ['d', undefined],
  ['-1h', undefined],
  ['7d-1h', undefined],
  [undefined, '-1'],
  [undefined, 'all'],
  [undefined, '1.5'],
])('older than "%s", keeping "%s" is refused', (olderThan, keep) => {
  expect(() => sweepRule(olderThan, keep)).toThrow(expect.objectContaining({ code: 'Usage' }));
});
