import { afterEach, expect, test, vi } from 'vitest';
import { clusterClock, systemClock } from '../../../src/runtime/index.ts';

afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;

test("a cluster's clock is the machine's and what is missing to the server's", () => {
  vi.useFakeTimers({ now: 5 * HOUR });
  let skew = -2 * HOUR;
  const clock = clusterClock({ clockSkew: () => skew });
  expect(clock.now()).toBe(3 * HOUR);
  skew = 0.4;
  expect(clock.now()).toBe(5 * HOUR);
});

test('a timer rings by the corrected clock', () => {
  vi.useFakeTimers({ now: 0 });
  let skew = 0;
  const clock = clusterClock({ clockSkew: () => skew });
  let rings = 0;
  clock.at(HOUR, () => {
    rings += 1;
  });
  vi.advanceTimersByTime(60_000);
  expect(rings).toBe(0);
  // Its server is an hour ahead, which the next answer has told.
  skew = HOUR;
  vi.advanceTimersByTime(30_001);
  expect(rings).toBe(1);
});

test('a timer that is taken back does not ring', () => {
  vi.useFakeTimers({ now: 0 });
  let rings = 0;
  const cancel = systemClock.at(2 * HOUR, () => {
    rings += 1;
  });
  vi.advanceTimersByTime(HOUR);
  cancel();
  vi.advanceTimersByTime(3 * HOUR);
  expect(rings).toBe(0);
});

test('a stopwatch goes on when the clock is set back, and counts the time of a sleep', () => {
  vi.useFakeTimers({ now: 5 * HOUR });
  const since = systemClock.stopwatch();
  vi.advanceTimersByTime(20_000);
  vi.setSystemTime(3 * HOUR);
  expect(since()).toBe(20_000);
  vi.setSystemTime(6 * HOUR);
  expect(since()).toBe(HOUR);
});
