import { readFileSync } from 'node:fs';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { interpretPod, type PodEvent, SUPERVISOR } from '../../../src/pod/index.ts';
import { readTermination, terminationLimit } from '../../../src/pod/termination.ts';
import { planOf } from '../engine/fixture.ts';

interface Vector {
  readonly name: string;
  readonly containers: number;
  readonly message: string;
  readonly read: unknown;
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../../../fixtures/protocol/termination.json', import.meta.url), 'utf8'),
) as readonly Vector[];

test.each(VECTORS)('$name', ({ containers, message, read }) => {
  expect(readTermination(message) ?? null).toEqual(read);
  if (containers > 0) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(terminationLimit(containers));
});

test('a message that is cut anywhere never says more than the whole', () => {
  for (const { message, read } of VECTORS) {
    if (read === null) continue;
    for (let end = 0; end < message.length; end += 1) {
      const cut = readTermination(message.slice(0, end));
      if (cut !== undefined) expect(cut).toEqual({ ...(read as object), results: undefined });
    }
  }
});

const plan = planOf([{ name: 'a', results: [{ name: 'r', type: 'string' }] }]);

const ended = (results: object | undefined, outcome = 'succeeded'): readonly PodEvent[] => {
  const reason = outcome === 'succeeded' ? 'Succeeded' : 'StepFailed';
  const message = JSON.stringify({ version: 1, tasks: [{ id: 0, outcome, reason }], ...(results && { results }) });
  const spec = { containers: Array.from({ length: 5 }, (_, index) => ({ name: `c${index}` })) };
  const state = { terminated: { exitCode: 0, message } };
  const status = { phase: 'Succeeded', containerStatuses: [{ name: SUPERVISOR, state }] } as unknown as Pod['status'];
  const pod: Pod = { metadata: { name: 'p' }, spec, status: status ?? {} };
  return interpretPod(plan, pod, { group: 0, attempt: 1 }, { at: 1, deleted: false }).events;
};

test.each([
  ['results that came along', { 0: { r: 'x' } }, { outcome: 'succeeded', reason: 'Succeeded', results: { r: 'x' } }],
  ['a task that wrote none', { 0: {} }, { outcome: 'succeeded', results: {} }],
  [
    'results without room',
    {},
    {
      outcome: 'failed',
      reason: 'TaskRunResultLargerThanAllowedLimit',
      message: expect.stringContaining('2457 bytes'),
    },
  ],
  ['an agent that sends none', undefined, { outcome: 'failed', reason: 'ResultsLost' }],
])('a log that could not be read: %s', (_, results, end) => {
  expect(ended(results)[0]).toMatchObject({ kind: 'taskFinished', task: 0, ...end });
});

test('a task that failed keeps its reason, and what results it has', () => {
  expect(ended({ 0: { r: 'partly' } }, 'failed')[0]).toMatchObject({ reason: 'StepFailed', results: { r: 'partly' } });
  expect(ended({}, 'failed')[0]).toMatchObject({ reason: 'StepFailed' });
});
