import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stored } from '../../src/kube/index.ts';
import { killContainer } from '../cluster/disturb.ts';
import { settingsFrom } from '../cluster/settings.ts';
import { type Admin, adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { firstSaid } from '../support/events.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type RunOutput, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { startRegistry } from '../support/registry.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
let space: TestNamespace;
let admin: Admin;

beforeAll(async () => {
  space = await testNamespace('faults', { restricted: true });
  admin = await adminOf(space.cluster.kubeconfig);
});
afterAll(async () => {
  await admin?.close();
  await space?.delete();
});

const run = async (name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

const podsOf = async (name: string, from = space) =>
  (await from.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === name);

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

  /** Kills a container of the one pod that a run has, from its node, once its steps say something. */
  const killUnder = async (name: string, object: object, container: string, also = 'attempt 0') => {
    const file = await space.file(`${name}.yaml`, object);
    const driver = space.start(['run', file, '--name', name, '--pods', 'run', '--pod-template', TEMPLATE]);
    await Promise.all([driver.says('attempt 0'), driver.says(also)]);
    const [pod] = await podsOf(name);
    await killContainer(settingsFrom(process.env), idOf(pod, container));
    const known = Date.now();
    return { ...(await driver.finished), known, over: Date.now() };
  };
  const idOf = (pod: Stored<Pod> | undefined, container: string): string => {
    const status = pod?.status?.containerStatuses?.find(({ name }) => name === container);
    if (status?.containerID === undefined) throw new Error(`no container ${container}`);
    return status.containerID;
  };
  const ownOnly = (skip: (note: string) => void): void => {
    if (!space.cluster.own) skip('containers of a foreign cluster cannot be killed from their node');
  };

  test('a step whose container is killed fails its task; the one beside it goes on', async ({ skip }) => {
    ownOnly(skip);
    const pipeline = pipelineOf('hit', {
      tasks: [
        { name: 'hit', taskSpec: specOf([{ name: 'main', script: 'echo attempt 0\nsleep 60' }]) },
        { name: 'beside', taskSpec: specOf(['echo beside\nsleep 3\necho beside is done']) },
      ],
    });
    const ended = await killUnder('hit', pipeline, 'step-hit-main', '[beside : unnamed-0] beside');
    const { hit, beside } = await space.taskRuns('hit');
    expectFault('step-container-killed', { ...ended, conditions: hit?.status?.conditions });
    expect(hit?.status?.steps).toMatchObject([{ terminated: { exitCode: 137 } }]);
    expect(beside?.status?.conditions).toMatchObject([{ status: 'True' }]);
  });

  test('an agent that is killed takes its steps with it', async ({ skip }) => {
    ownOnly(skip);
    const tasks = ['a', 'b'].map((name) => ({ name, taskSpec: specOf([`echo attempt 0 of ${name}\nsleep 60`]) }));
    const pipeline = pipelineOf('agentless', { tasks });
    const ended = await killUnder('agentless', pipeline, 'waybill-supervisor', '[b : unnamed-0] attempt 0');
    const { a, b } = await space.taskRuns('agentless');
    expectFault('agent-killed', { ...ended, conditions: a?.status?.conditions });
    expect(b?.status?.conditions).toMatchObject([{ reason: 'AgentFailed' }]);
  });

  test('an agent that is killed is a retry where the task has one', async ({ skip }) => {
    ownOnly(skip);
    const script = 'echo attempt $(context.task.retry-count)\n[ $(context.task.retry-count) = 1 ] || sleep 60';
    const tasks = [{ name: 'again', retries: 1, taskSpec: specOf([script]) }];
    const ended = await killUnder('agent-again', pipelineOf('agent-again', { tasks }), 'waybill-supervisor');
    const { status } = (await space.taskRuns('agent-again')).again ?? {};
    expectFault('agent-killed-retry', { ...ended, conditions: status?.conditions });
    expect(status?.retriesStatus).toMatchObject([{ conditions: [{ status: 'False', reason: 'AgentFailed' }] }]);
  });

  test.each(['task', 'run'])('one that takes more room than it may is evicted: --pods %s', async (pods) => {
    const name = `evicted-${pods}`;
    const limited = (room: string) => ({ computeResources: { limits: { 'ephemeral-storage': room } } });
    const script = 'dd if=/dev/zero of=/tmp/large bs=1M count=16\nsleep 120';
    const pipeline = pipelineOf('evicted', {
      tasks: [
        {
          name: 'eat',
          taskSpec: specOf([
            { name: 'main', script, ...limited('4Mi') },
            { script: 'true', ...limited('1Gi') },
          ]),
        },
        { name: 'beside', taskSpec: specOf([{ name: 'main', script: 'sleep 20', ...limited('1Gi') }]) },
        { name: 'then', runAfter: ['eat'], taskSpec: specOf(['echo never']) },
      ],
    });
    const ended = await run(name, pipeline, ['--pods', pods]);
    const { eat, beside, then } = await space.taskRuns(name);
    // The run waits for the task beside it.
    const over = Date.parse(String(eat?.status?.completionTime));
    const known = await firstSaid(space.client, name, ['Evicted']);
    expectFault('pod-evicted', {
      ...{ ...ended, over },
      ...(known !== undefined && { known }),
      conditions: eat?.status?.conditions,
    });
    const container = pods === 'task' ? 'step-main' : 'step-eat-main';
    expect(eat?.status?.conditions).toMatchObject([{ message: expect.stringContaining(container) }]);
    // It was under way, and is lost with the pod that it shared.
    const lost = pods === 'task' ? { reason: 'Succeeded' } : { reason: 'PodEvicted' };
    expect(beside?.status?.conditions).toMatchObject([lost]);
    expect(then?.status?.conditions).not.toMatchObject([{ reason: 'PodEvicted' }]);
  });

  test('a step that is out of memory says so', async () => {
    const resources = { limits: { memory: '16Mi' } };
    const script = 'x=a\nwhile :; do x=$x$x; done';
    const ran = await run('oom', taskOf('oom', [{ name: 'eat', script, computeResources: resources }]));
    const over = Date.now();
    const { oom } = await space.taskRuns('oom');
    const [eat] = (oom?.status?.steps ?? []) as readonly { readonly terminated?: { readonly finishedAt?: string } }[];
    expect(eat).toMatchObject({ terminated: { exitCode: 137, reason: 'OOMKilled' } });
    const known = Date.parse(String(eat?.terminated?.finishedAt));
    expectFault('step-oom', { ...ran, conditions: oom?.status?.conditions, known, over });
  });
});

describe.concurrent('room and rights', () => {
  const quota = (namespace: string, hard: object) =>
    admin.create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'full', namespace }, spec: { hard } });

  test('a run waits for room in a quota, and takes it', async () => {
    const own = await testNamespace('quota');
    try {
      const pause = { name: 'pause', image: 'registry.k8s.io/pause:3.10' };
      await own.client.create('pods', { metadata: { name: 'guest' }, spec: { containers: [pause] } });
      await quota(own.name, { pods: '1' });
      await eventually('the quota counts', async () => {
        const refused = { metadata: { generateName: 'try-' }, spec: { containers: [pause] } };
        const made = await own.client.create('pods', refused).catch(() => undefined);
        if (made === undefined) return true;
        await own.client.delete('pods', made.metadata.name, { graceSeconds: 0 });
        return undefined;
      });
      const driver = own.start(['run', await own.file('task.yaml', taskOf('patient', ['true'])), '--name', 'patient']);
      await driver.says('ExceededResourceQuota');
      // Longer than the first tries need, so that the room is found by a late one.
      await new Promise((done) => setTimeout(done, 5000));
      await own.client.delete('pods', 'guest', { graceSeconds: 0 });
      const known = Date.now();
      await eventually('the run takes the room', async () => (await podsOf('patient', own)).at(0));
      const over = Date.now();
      const ended = await driver.finished;
      const { patient } = await own.taskRuns('patient');
      expectFault('quota-full', { ...ended, conditions: patient?.status?.conditions, known, over });
    } finally {
      await own.delete();
    }
  });

  test('a record that a quota refuses is the end before the start', async () => {
    const own = await testNamespace('no-record');
    try {
      await quota(own.name, { 'count/secrets': '0' });
      const before = await own.objects();
      await eventually('the quota counts', async () => {
        const made = await own.client.create('secrets', { metadata: { name: 'try' } }).catch(() => undefined);
        if (made === undefined) return true;
        await own.client.delete('secrets', 'try');
        return undefined;
      });
      const file = await own.file('task.yaml', taskOf('refused', ['true']));
      expectFault('record-refused', await own.run([file, '--name', 'refused']));
      expect(await own.objects()).toEqual(before);
    } finally {
      await own.delete();
    }
  });

  test.each(['task', 'run'])('a namespace that is deleted in mid-run ends its run: --pods %s', async (pods) => {
    const own = await testNamespace('deleted');
    try {
      const tasks = ['a', 'b'].map((name) => ({
        name,
        ...(pods === 'task' && { retries: 3 }),
        taskSpec: specOf(['echo here\nsleep 120']),
      }));
      const file = await own.file('pair.yaml', pipelineOf('pair', { tasks }));
      const driver = own.start(['run', file, '--name', 'pair', '--pods', pods, '-o', 'json']);
      await driver.says('[a : unnamed-0] here');
      await own.client.delete('namespaces', own.name, { propagation: 'Background' });
      const known = Date.now();
      const ended = await driver.finished;
      const over = Date.now();
      const { status } = JSON.parse(ended.stdout) as RunOutput;
      expectFault('namespace-deleted', { ...ended, conditions: status.conditions, known, over });
    } finally {
      await own.delete();
    }
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
    expectFault('input-missing', await space.run([reference(), '--name', 'not-there']));
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
    expectFault('cluster-gone-before', await space.run([file, '--kubeconfig', config]));
  });

  test('a namespace that does not exist', async () => {
    const file = await space.file('task.yaml', taskOf('task', ['true']));
    const { code } = await space.cli(['run', file, '-n', 'no-such-namespace-anywhere']);
    expect(code).toBe(3);
  });
});
