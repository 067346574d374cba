import { expect, test } from 'vitest';
import { givenOf } from '../../../cli/command.ts';
import { failureLines, runSummary } from '../../../cli/output/run.ts';
import { initialState } from '../../../src/engine/index.ts';
import { newRecord } from '../../../src/record/index.ts';
import { planOf } from '../runtime/plan.ts';

const task = { name: 'a', phase: 'failed', reason: 'PodCreationFailed', message: 'pods "a" is forbidden: no quota' };

test('why a task failed is a line of the summary', () => {
  const plan = planOf([], []);
  const record = newRecord(plan, { uid: 'u', createdAt: 1, agentImage: 'agent' });
  const { nodes, ...state } = initialState(plan);
  const [failed, pending] = nodes;
  if (failed === undefined || pending === undefined) throw new Error('two tasks');
  const ended = { ...failed, phase: 'failed', reason: 'PodCreationFailed', message: task.message } as const;
  const lines = runSummary(record, { ...state, nodes: [ended, pending] }).split('\n');
  expect(lines.filter((line) => line.includes(task.message))).toEqual([`task0: PodCreationFailed: ${task.message}`]);
  // Where the run is the task, its own message says it.
  const alone = { ...record, plan: { ...plan, kind: 'TaskRun' as const } };
  expect(runSummary(alone, { ...state, nodes: [ended, pending] })).not.toContain(task.message);
});

test('only of failed tasks something is said, in one line each, that no terminal obeys', () => {
  expect(failureLines([{ ...task, phase: 'succeeded', reason: 'Succeeded' }])).toEqual([]);
  expect(failureLines([{ ...task, message: '' }])).toEqual([]);
  const message = `one\r\ntwo\u001b[2J ${'x'.repeat(2000)}`;
  const [empty, line = '', ...others] = failureLines([{ ...task, message }]);
  expect([empty, others]).toEqual(['', []]);
  expect(line).toMatch(/^a: PodCreationFailed: one two\\x1b\[2J x+…$/);
  expect(line.length).toBeLessThan(500);
});

test('options are told apart from what is so anyway', () => {
  const table = ['-p, --param <name=value>', '--pod-template <file>', '--frozen', '--no-cache'].map((flags) => ({
    flags,
    says: '',
  }));
  expect(givenOf(table, { cache: true, output: 'text' })).toEqual([]);
  const all = { cache: false, param: ['a=b'], podTemplate: 'f', frozen: true };
  expect(givenOf(table, all)).toEqual(['--param', '--pod-template', '--frozen', '--no-cache']);
});
