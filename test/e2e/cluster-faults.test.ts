import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cordoned, evict, paused, without } from '../cluster/disturb.ts';
import { pathsOf, settingsFrom } from '../cluster/settings.ts';
import { testCluster } from '../support/cluster.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf } from '../support/objects.ts';
import { startProxy } from '../support/proxy.ts';
import type { Finished } from '../support/waybill.ts';

const settings = settingsFrom(process.env);
const { own } = await testCluster();
if (!own) process.stderr.write('cluster-faults: skipped, a foreign cluster must not be disturbed\n');

let space: TestNamespace;
beforeAll(async () => {
  space = await testNamespace('cluster');
});
afterAll(() => space?.delete());

const WORKSPACE = { workspaces: [{ name: 'shared' }] };
const LOG = '$(workspaces.shared.path)/log';
/** Says that it runs, and waits until the test lets it go on. */
const waits = (name: string): string =>
  `echo ${name} >> ${LOG}\necho ${name} waits\nwhile ! [ -e $(workspaces.shared.path)/go ]; do sleep 0.2; done`;
const says = (name: string): string => `echo ${name} >> ${LOG}`;

/** Each of its steps leaves one line in the log; results go from one task to the next. */
const PIPELINE = pipelineOf('disturbed', {
  ...WORKSPACE,
  tasks: [
    {
      name: 'first',
      ...WORKSPACE,
      taskSpec: specOf([waits('first-1'), `${says('first-2')}\nprintf 42 > $(results.n.path)`], {
        ...WORKSPACE,
        results: [{ name: 'n' }],
      }),
    },
    { name: 'beside', ...WORKSPACE, taskSpec: specOf([waits('beside')], WORKSPACE) },
    {
      name: 'second',
      ...WORKSPACE,
      params: [{ name: 'n', value: '$(tasks.first.results.n)' }],
      taskSpec: specOf([says('second-$(params.n)')], { ...WORKSPACE, params: [{ name: 'n' }] }),
    },
  ],
  finally: [{ name: 'last', ...WORKSPACE, taskSpec: specOf([says('last')], WORKSPACE) }],
});
const ALL = ['beside', 'first-1', 'first-2', 'last', 'second-42'];

interface Disturbed {
  readonly name: string;
  /** Lets the steps that wait go on. */
  go(): void;
  /** What its steps have left. */
  log(): readonly string[];
  readonly finished: Promise<Finished>;
}

/** Starts a run in each grouping, and returns when the steps of both are under way. */
const startBoth = async (topic: string, env: NodeJS.ProcessEnv = {}): Promise<readonly Disturbed[]> => {
  const file = await space.file(`${topic}.yaml`, PIPELINE);
  return Promise.all(
    ['task', 'run'].map(async (pods): Promise<Disturbed> => {
      const name = `${topic}-${pods}`;
      const args = ['run', file, '--name', name, '--pods', pods, '-w', 'shared=claim=16Mi'];
      const driver = space.start(args, { env });
      await Promise.all([driver.says('first-1 waits'), driver.says('beside waits')]);
      const folder = await volumeOf(name);
      return {
        name,
        go: () => writeFileSync(join(folder, 'go'), ''),
        log: () => linesOf(join(folder, 'log')),
        finished: driver.finished,
      };
    }),
  );
};

const volumeOf = async (run: string): Promise<string> => {
  const { items } = await space.client.list('persistentvolumeclaims');
  const claim = items.find(({ metadata }) => metadata.labels?.['waybill.dev/run'] === run);
  return join(pathsOf(settings).volumes, String(claim?.spec?.volumeName));
};

const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).sort() : [];

/** How runs ended that had to survive; `known` is when the cluster was well again. */
const survivors = async (runs: readonly Disturbed[], known: number) => {
  for (const { go } of runs) go();
  const goneOn = Promise.all(
    runs.map(({ name, log }) => eventually(`${name} goes on`, async () => log().includes('second-42') || undefined)),
  );
  const [ended] = await Promise.all([Promise.all(runs.map(({ finished }) => finished)), goneOn]);
  const over = Date.now();
  return Promise.all(
    runs.map(async ({ name, log }, index) => {
      expect(log(), ended[index]?.stderr).toEqual(ALL);
      const { record } = await space.records.load(space.name, name);
      const { code, stderr } = ended[index] as Finished;
      return { code, stderr, conditions: [record.state.condition], known, over };
    }),
  );
};

describe.skipIf(!own)('runs go on, and no step runs twice', () => {
  test('the kubelet is restarted', async () => {
    const runs = await startBoth('kubelet');
    await without(settings, 'kubelet', async () => {
      for (const { go } of runs) go();
      await sleep(3000);
    });
    for (const ended of await survivors(runs, Date.now())) expectFault('kubelet-restarted', ended);
  });

  test('containerd is restarted', async () => {
    const runs = await startBoth('containerd');
    await without(settings, 'containerd', async () => {
      for (const { go } of runs) go();
      await sleep(3000);
    });
    for (const ended of await survivors(runs, Date.now())) expectFault('containerd-restarted', ended);
  });

  test('the API server is restarted', async () => {
    const runs = await startBoth('apiserver');
    await without(settings, 'apiserver', async () => {
      for (const { go } of runs) go();
      await sleep(3000);
    });
    for (const ended of await survivors(runs, Date.now())) expectFault('apiserver-restarted', ended);
  });

  test('etcd stands still for 20 seconds', async () => {
    const runs = await startBoth('etcd');
    await paused(settings, 'etcd', async () => {
      for (const { go } of runs) go();
      await sleep(20_000);
    });
    for (const ended of await survivors(runs, Date.now())) expectFault('etcd-paused', ended);
  });

  test('the API server takes 5 seconds for each answer', async () => {
    const proxy = await startProxy(space.user.kubeconfig);
    try {
      const KUBECONFIG = await space.file('slow.kubeconfig', proxy.kubeconfig);
      const runs = await startBoth('slow', { KUBECONFIG });
      proxy.delay(5000);
      for (const ended of await survivors(runs, Date.now())) expectFault('apiserver-slow', ended);
    } finally {
      await proxy.close();
    }
  });
});

describe.skipIf(!own)('a node', () => {
  test('that is drained gives its tasks back, and those with a retry go on', async () => {
    const script = 'echo attempt $(context.task.retry-count)\n[ $(context.task.retry-count) = 1 ] || sleep 120';
    const tasks = [{ name: 'again', retries: 1, taskSpec: specOf([script]) }];
    const file = await space.file('drained.yaml', pipelineOf('drained', { tasks }));
    const drivers = ['task', 'run'].map((pods) => {
      const name = `drained-${pods}`;
      return { name, ...space.start(['run', file, '--name', name, '--pods', pods]) };
    });
    await Promise.all(drivers.map(({ says }) => says('attempt 0')));
    await cordoned(settings, async () => {
      for (const { metadata } of await space.pods()) {
        if (metadata.labels?.['waybill.dev/run']?.startsWith('drained-'))
          await evict(settings, space.name, metadata.name);
      }
      await Promise.all(drivers.map(({ says }) => says('Unschedulable')));
    });
    const known = Date.now();
    const ended = await Promise.all(drivers.map(({ finished }) => finished));
    const over = Date.now();
    for (const [index, { name }] of drivers.entries()) {
      const { status } = (await space.taskRuns(name)).again ?? {};
      const { code, stderr } = ended[index] as Finished;
      expectFault('node-drained', { code, stderr, conditions: status?.conditions, known, over });
      expect(status?.retriesStatus).toMatchObject([{ conditions: [{ status: 'False', reason: 'PodEvicted' }] }]);
    }
  });

  test('that is away does not say that a deleted pod is gone', async () => {
    const script = 'echo attempt $(context.task.retry-count)\n[ $(context.task.retry-count) = 1 ] || sleep 300';
    const drivers = await Promise.all(
      [0, 1].map(async (retries) => {
        const name = `away-${retries}`;
        const tasks = [{ name: 'lost', retries, taskSpec: specOf([script]) }];
        const file = await space.file(`${name}.yaml`, pipelineOf('away', { tasks }));
        return { name, ...space.start(['run', file, '--name', name]) };
      }),
    );
    await Promise.all(drivers.map(({ says }) => says('attempt 0')));
    const [never, again] = drivers;
    await without(settings, 'kubelet', async () => {
      for (const { name } of drivers) await space.client.delete('pods', `${name}-lost-pod-1`);
      const known = Date.now();
      const ended = await never?.finished;
      const over = Date.now();
      const { status } = (await space.taskRuns('away-0')).lost ?? {};
      expectFault('node-away', { ...(ended as Finished), conditions: status?.conditions, known, over });
      await eventually('the other is tried again', async () =>
        (await space.pods()).find(({ metadata }) => metadata.name === 'away-1-lost-pod-2'),
      );
    });
    const known = Date.now();
    const ended = await again?.finished;
    const { status } = (await space.taskRuns('away-1')).lost ?? {};
    expectFault('node-away-retry', { ...(ended as Finished), conditions: status?.conditions, known, over: Date.now() });
    expect(status?.retriesStatus).toMatchObject([{ conditions: [{ status: 'False', reason: 'NodeLost' }] }]);
  });
});
