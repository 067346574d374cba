import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { taskOf } from '../support/objects.ts';
import { readOutput } from '../support/output.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('output', { restricted: true });
});
afterAll(() => space?.delete());

test('a run goes on, and is driven to its end, when nobody reads its logs any more', async () => {
  const lines = 'for i in $(seq 40); do echo line $i; sleep 0.05; done';
  const file = await space.file('lines.yaml', taskOf('lines', [lines, 'echo after']));
  const { child, finished, says } = space.start(['run', file, '--name', 'unread', '--pod-template', TEMPLATE]);
  await says('line 2');
  child.stdout?.destroy();
  const { code, stderr } = await finished;
  expect([code, stderr]).toEqual([0, expect.not.stringMatching(/EPIPE|bug in waybill/)]);
  const { record } = await space.records.load(space.name, 'unread');
  expect(record.state.condition).toMatchObject({ status: 'True' });
});

test('what commands about runs print is of its schema', async () => {
  const file = await space.file('short.yaml', taskOf('short', ['echo done']));
  const json = async (...args: string[]): Promise<unknown> =>
    readOutput(args[0] as string, well(await space.cli([...args, '-o', 'json'])).stdout);
  await json('run', file, '--name', 'short', '--pod-template', TEMPLATE);
  expect(await json('runs')).toMatchObject({
    runs: expect.arrayContaining([expect.objectContaining({ name: 'short', status: 'True' })]),
  });
  expect(await json('logs', 'short')).toMatchObject({ name: 'short', steps: [{ task: 'short' }] });
  expect(await json('cancel', 'short')).toMatchObject({ name: 'short', finished: true, reason: 'Succeeded' });
  expect(await json('delete', 'short')).toMatchObject({ deleted: ['short'], dryRun: false });
  const { code, stderr } = await space.cli(['logs', 'short', '-o', 'json']);
  expect(code).toBe(3);
  expect(readOutput('error', stderr)).toMatchObject({ error: { code: 'RunNotFound' } });
});
