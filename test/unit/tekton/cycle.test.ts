import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findCycle } from '../../../src/tekton/cycle.ts';

/** For each node the nodes that it needs. */
const graph = fc
  .integer({ min: 0, max: 12 })
  .chain((size) =>
    fc.array(fc.array(fc.nat(Math.max(0, size - 1)), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

test('what it finds is a cycle', () => {
  fc.assert(
    fc.property(graph, (needs) => {
      const cycle = findCycle(needs);
      cycle?.forEach((node, index) => {
        expect(needs[node]).toContain(cycle[(index + 1) % cycle.length]);
      });
    }),
  );
});

test('a graph in order has none', () => {
  fc.assert(
    fc.property(graph, (needs) => {
      const ordered = needs.map((list, node) => list.filter((need) => need < node));
      expect(findCycle(ordered)).toBeUndefined();
    }),
  );
});

test('a long chain that bites its tail is found without recursion', () => {
  const needs = Array.from({ length: 100_000 }, (_, node) => [(node + 1) % 100_000]);
  expect(findCycle(needs)).toHaveLength(100_000);
});
