import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FAULTS, readFaults } from '../../support/faults.ts';

const E2E = join(import.meta.dirname, '../../e2e');

/** Every first argument of `expectFault` in the end-to-end tests. */
const tested = readdirSync(E2E)
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) => [...readFileSync(join(E2E, file), 'utf8').matchAll(/expectFault\(\s*'([^']+)'/g)])
  .map(([, id]) => id);

describe('docs/faults.md', () => {
  test('has rows, each once', () => {
    expect(FAULTS.length).toBeGreaterThan(0);
    expect(new Set(FAULTS.map(({ id }) => id)).size).toBe(FAULTS.length);
  });

  test.each(FAULTS)('$id is made to happen by an end-to-end test', ({ id }) => {
    expect(tested).toContain(id);
  });

  test('the tests name no fault that it does not have', () => {
    expect(tested.filter((id) => !FAULTS.some((fault) => fault.id === id))).toEqual([]);
  });

  test.each([
    ['a status', '| `x` | a | – | Maybe | R | 1 | 10 s |'],
    ['an exit code', '| `x` | a | – | True | R | one | 10 s |'],
    ['a time', '| `x` | a | – | True | R | 1 | soon |'],
    ['a cell too many', '| `x` | a | – | True | R | 1 | 10 s | b |'],
  ])('a row with %s that cannot be read is refused', (_, row) => {
    expect(() => readFaults(row)).toThrow('unreadable row');
  });
});
