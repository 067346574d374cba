import { expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../../src/core/index.ts';
import { advance, initialState } from '../../../src/engine/index.ts';
import { podCompiler } from '../../../src/runtime/index.ts';
import { planOf } from './plan.ts';

test('a plan that was read from a record makes the same pods, byte for byte', () => {
  const base = planOf([], [0]);
  const nodes = base.nodes.map((node) => ({
    ...node,
    results: [{ name: 'said', type: 'string' as const }],
    // Two tasks of one pod, and a result between them: keys in an order that a record does not keep.
    ...(node.id === 1 && {
      resultsOf: [0],
      steps: node.steps.map((step) => ({ ...step, args: [{ text: [{ task: 0, result: 'said' }] }] })),
    }),
  }));
  const plan = { ...base, nodes, groups: [{ id: 0, nodes: [0, 1], needs: [], reasons: [] }] } as typeof base;
  const read = JSON.parse(canonicalJson(plan as unknown as Json)) as typeof plan;
  const [made, again] = [plan, read].map((one) => {
    const { state } = advance(one, initialState(one), { kind: 'begin', at: 1 });
    return podCompiler(one, 'run-uid', { agentImage: 'agent' })(state, 0, 1);
  });
  expect(JSON.stringify(made)).toContain('said');
  expect(again).toEqual(made);
});
