import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tasksAtOnce } from '../../../src/pod/at-once.ts';

const tasks = (...needs: readonly number[][]) => needs.map((need, id) => ({ id, needs: need }));

test.each([
  ['one', tasks([]), 1],
  ['a chain', tasks([], [0], [1]), 1],
  ['a fan', tasks([], [0], [0], [0]), 3],
  ['a diamond', tasks([], [0], [0], [1, 2]), 2],
  ['two chains', tasks([], [], [0], [1]), 2],
  ['a chain beside one', tasks([], [0], []), 2],
  ['what is done already does not count', [{ id: 7, needs: [3] }], 1],
  ['an N, in which greed is wrong', tasks([], [], [0], [0, 1]), 2],
])('%s', (_, given, most) => {
  expect(tasksAtOnce(given)).toBe(most);
});

test('it is the size of the largest set of which none waits for another', () => {
  const graph = fc
    .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 8 })
    .map((needs) => needs.map((list, id) => ({ id, needs: id === 0 ? [] : list.map((need) => need % id) })));
  fc.assert(
    fc.property(graph, (given) => {
      const before = given.map(() => new Set<number>());
      for (const { id, needs } of given)
        for (const need of needs) for (const one of [need, ...(before[need] ?? [])]) before[id]?.add(one);
      let most = 0;
      for (let set = 1; set < 1 << given.length; set += 1) {
        const ids = given.map(({ id }) => id).filter((id) => (set >> id) & 1);
        const free = ids.every((a) => ids.every((b) => before[a]?.has(b) !== true));
        if (free) most = Math.max(most, ids.length);
      }
      expect(tasksAtOnce(given)).toBe(most);
    }),
  );
});
