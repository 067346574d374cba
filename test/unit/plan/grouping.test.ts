import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GroupInput, groupNodes } from '../../../src/plan/grouping.ts';
import type { Grouping, PlanGroup } from '../../../src/plan/index.ts';
import { dags } from './dags.ts';

const node = (needs: number[], more: Partial<GroupInput> = {}): GroupInput => ({
  needs,
  finally: false,
  key: 'k',
  solo: [],
  ...more,
});
const shape = (groups: readonly PlanGroup[]) => groups.map(({ nodes, needs }) => [nodes, needs]);

test('task: a pod each, in the order of ids', () => {
  const groups = groupNodes([node([]), node([0]), node([], { finally: true })], 'task');
  expect(shape(groups)).toEqual([
    [[0], []],
    [[1], [0]],
    [[2], [0, 1]],
  ]);
});

test('auto equals task for now, and says so', () => {
  const nodes = [node([]), node([0])];
  expect(shape(groupNodes(nodes, 'auto'))).toEqual(shape(groupNodes(nodes, 'task')));
  expect(groupNodes(nodes, 'auto')[0]?.reasons).not.toEqual(groupNodes(nodes, 'task')[0]?.reasons);
});

describe('run', () => {
  test('one pod for all that may share, one more for finally', () => {
    const nodes = [
      node([]),
      node([0]),
      node([0]),
      node([1, 2]),
      node([], { finally: true }),
      node([], { finally: true }),
    ];
    expect(shape(groupNodes(nodes, 'run'))).toEqual([
      [[0, 1, 2, 3], []],
      [[4, 5], [0]],
    ]);
  });

  test('a task on its own splits what comes before from what comes after', () => {
    const nodes = [node([]), node([0], { solo: ['retries'] }), node([1]), node([0])];
    const groups = groupNodes(nodes, 'run');
    expect(shape(groups)).toEqual([
      [[0, 3], []],
      [[1], [0]],
      [[2], [1]],
    ]);
    expect(groups[1]?.reasons).toEqual(['retries']);
  });

  test('another service account is another pod', () => {
    const nodes = [node([]), node([0], { key: 'other' }), node([0, 1])];
    expect(shape(groupNodes(nodes, 'run'))).toEqual([
      [[0], []],
      [[1], [0]],
      [[2], [0, 1]],
    ]);
  });
});

test('groups partition the nodes, are closed, and contract to a DAG', () => {
  const run = fc.record({
    needs: dags(),
    keys: fc.array(fc.constantFrom('a', 'b'), { minLength: 24, maxLength: 24 }),
    solo: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 24, maxLength: 24 }),
    finals: fc.nat({ max: 4 }),
    grouping: fc.constantFrom<Grouping>('task', 'auto', 'run'),
  });
  fc.assert(
    fc.property(run, ({ needs, keys, solo, finals, grouping }) => {
      const nodes = needs.map((ids, id) => {
        const isFinally = id >= needs.length - finals;
        return node(isFinally ? [] : ids, {
          finally: isFinally,
          key: keys[id] as string,
          solo: solo[id] === 0 ? ['alone'] : [],
        });
      });
      const groups = groupNodes(nodes, grouping);
      expect(groups.flatMap((group) => group.nodes).sort((a, b) => a - b)).toEqual(nodes.map((_, id) => id));
      groups.forEach((group, id) => {
        expect(group.id).toBe(id);
        expect([...group.nodes].sort((a, b) => a - b)).toEqual(group.nodes);
        expect(new Set(group.nodes.map((member) => nodes[member]?.key)).size).toBe(1);
        expect(new Set(group.nodes.map((member) => nodes[member]?.finally)).size).toBe(1);
        if (group.nodes.some((member) => nodes[member]?.solo.length !== 0)) expect(group.nodes).toHaveLength(1);
        expect(group.reasons.length).toBeGreaterThan(0);
        // Acyclic: groups are numbered so that needs are smaller.
        for (const need of group.needs) expect(need).toBeLessThan(id);
        // Closed: what a member needs is in the group or in a group that is done before.
        const inside = new Set([...group.nodes, ...group.needs.flatMap((need) => groups[need]?.nodes ?? [])]);
        for (const member of group.nodes) for (const need of nodes[member]?.needs ?? []) expect(inside).toContain(need);
      });
      const dag = groups.filter((group) => nodes[group.nodes[0] as number]?.finally === false).map(({ id }) => id);
      for (const group of groups) if (!dag.includes(group.id)) expect(group.needs).toEqual(dag);
    }),
  );
});
