import fc from 'fast-check';
import { expect, test } from 'vitest';
import { graphOf, sortTopologically, successorsOf } from '../../../src/plan/index.ts';
import { dags } from './dags.ts';

test('rows hold the successors, ascending; an edge named twice counts once', () => {
  const graph = graphOf([[], [0], [0, 1, 0], []]);
  expect([0, 1, 2, 3].map((node) => [...successorsOf(graph, node)])).toEqual([[1, 2], [2], [], []]);
  expect([...graph.indegrees]).toEqual([0, 1, 2, 0]);
});

test('an order that is right already stays', () => {
  expect(sortTopologically([[], [0], [], [1, 2]]).order).toEqual([0, 1, 2, 3]);
  expect(sortTopologically([[2], [], [1]]).order).toEqual([1, 2, 0]);
});

test('a cycle is named, also one of a node with itself', () => {
  expect(sortTopologically([[1], [2], [1]]).cycle).toEqual([1, 2]);
  expect(sortTopologically([[], [1]]).cycle).toEqual([1]);
});

test('a chain of a hundred thousand is no problem', () => {
  const size = 100_000;
  const needs = Array.from({ length: size }, (_, id) => (id === size - 1 ? [] : [id + 1]));
  expect(sortTopologically(needs).order?.[0]).toBe(size - 1);
});

test('every node comes after its needs, once', () => {
  fc.assert(
    fc.property(dags(), fc.infiniteStream(fc.nat()), (needs, random) => {
      // Renumber, so that needs are not always smaller.
      const names = needs.map((_, id) => ({ id, key: random.next().value as number }));
      const place = new Map(names.sort((a, b) => a.key - b.key).map(({ id }, index) => [id, index]));
      const shuffled: number[][] = needs.map(() => []);
      needs.forEach((ids, id) => {
        shuffled[place.get(id) as number] = ids.map((need) => place.get(need) as number);
      });
      const order = sortTopologically(shuffled).order ?? [];
      expect([...order].sort((a, b) => a - b)).toEqual(needs.map((_, id) => id));
      const at = new Map(order.map((id, index) => [id, index]));
      shuffled.forEach((ids, id) => {
        for (const need of ids) expect(at.get(need)).toBeLessThan(at.get(id) as number);
      });
    }),
  );
});
