import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { expectFault } from '../support/faults.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { startRegistry } from '../support/registry.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('faults', { restricted: true });
});
afterAll(() => space?.delete());

const run = async (name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

const podsOf = async (name: string) =>
  (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === name);

describe.concurrent('pods', () => {
  /** Deletes the run's pod as soon as its step says something. */
  const deleteUnder = async (name: string, object: object) => {
    const file = await space.file(`${name}.yaml`, object);
    const driver = space.start(['run', file, '--name', name, '--pod-template', TEMPLATE]);
    await driver.says('attempt 0');
    for (const { metadata } of await podsOf(name))
      await space.client.delete('pods', metadata.name, { graceSeconds: 0 });
    const known = Date.now();
    return { ...(await driver.finished), known, over: Date.now() };
  };

  test('one that is deleted in mid-run fails its task', async () => {
    const task = taskOf('deleted', ['echo attempt 0\nsleep 60']);
    const ended = await deleteUnder('deleted', task);
    const { deleted } = await space.taskRuns('deleted');
    expectFault('pod-deleted', { ...ended, conditions: deleted?.status?.conditions });
  });

  test('one that is deleted in mid-run is a retry where the task has one', async () => {
    const script = 'echo attempt $(context.task.retry-count)\n[ $(context.task.retry-count) = 1 ] || sleep 60';
    const pipeline = pipelineOf('again', { tasks: [{ name: 'again', retries: 1, taskSpec: specOf([script]) }] });
    const ended = await deleteUnder('again', pipeline);
    expect(ended.stdout).toContain('[again : unnamed-0] attempt 1');
    const { status } = (await space.taskRuns('again')).again ?? {};
    expectFault('pod-deleted-retry', { ...ended, conditions: status?.conditions });
    expect(status?.retriesStatus).toMatchObject([{ conditions: [{ status: 'False', reason: 'PodDeleted' }] }]);
  });

  test('one that PodSecurity refuses fails the run, and says why', async () => {
    const task = taskOf('refused', [{ script: 'true', securityContext: { allowPrivilegeEscalation: true } }]);
    const { code, output } = await run('refused', task);
    expect(code).toBe(1);
    expect(output?.status.conditions).toMatchObject([
      { reason: 'PodCreationFailed', message: expect.stringContaining('violates PodSecurity "restricted') },
    ]);
  });

  test('a step that is out of memory says so', async () => {
    const resources = { limits: { memory: '16Mi' } };
    const script = 'x=a\nwhile :; do x=$x$x; done';
    const known = Date.now();
    const ran = await run('oom', taskOf('oom', [{ name: 'eat', script, computeResources: resources }]));
    expectFault('step-oom', { ...ran, conditions: ran.output?.status.conditions, known, over: Date.now() });
    expect(ran.output?.status.steps).toMatchObject([{ terminated: { exitCode: 137, reason: 'OOMKilled' } }]);
  });
});

describe.concurrent('what is not there is exit 3, and nothing is made in the cluster', () => {
  const nothingOf = async (name: string) => {
    expect((await space.objects()).filter((object) => object.includes(name))).toEqual([]);
  };

  test('a registry that is gone', async () => {
    const registry = await startRegistry();
    const bundle = `${registry.host}/gone/task:1`;
    well(await space.cli(['push', await space.file('gone.yaml', taskOf('gone', ['true'])), bundle]));
    await registry.stop();
    expectFault('registry-gone-before', await space.run([bundle, '--name', 'registry-gone']));
    await nothingOf('registry-gone');
  });

  test.each([
    ['a bundle that does not exist', () => `${space.cluster.registry}/${space.name}/nothing:1`],
    ['a file that does not exist', () => './no/such/file.yaml'],
  ])('%s', async (_, reference) => {
    const { code, stderr } = await space.run([reference(), '--name', 'not-there']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('NotFound')]);
    await nothingOf('not-there');
  });

  test('a cluster that does not answer', async () => {
    const server = 'https://127.0.0.1:1';
    const config = await space.file('dead.kubeconfig', {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'dead',
      contexts: [{ name: 'dead', context: { cluster: 'dead', user: 'nobody' } }],
      clusters: [{ name: 'dead', cluster: { server } }],
      users: [{ name: 'nobody', user: { token: 'none' } }],
    });
    const file = await space.file('task.yaml', taskOf('task', ['true']));
    const { code, stderr } = await space.run([file, '--kubeconfig', config]);
    expect([code, stderr]).toEqual([3, expect.stringContaining('Unreachable')]);
  });

  test('a namespace that does not exist', async () => {
    const file = await space.file('task.yaml', taskOf('task', ['true']));
    const { code } = await space.cli(['run', file, '-n', 'no-such-namespace-anywhere']);
    expect(code).toBe(3);
  });
});
