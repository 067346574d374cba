import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { eventually, type RunOutput, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

/** Each task writes down that it was executed, in a volume that outlives pods and drivers. */
const counted = (name: string, after: readonly string[], script = '') => ({
  name,
  runAfter: after,
  workspaces: [{ name: 'shared' }],
  taskSpec: specOf([`echo ${name} >> $(workspaces.shared.path)/executed\necho ${name} began\n${script}`], {
    workspaces: [{ name: 'shared' }],
  }),
});

const PIPELINE = pipelineOf('counted', {
  workspaces: [{ name: 'shared' }],
  tasks: [
    counted('first', []),
    counted('middle', ['first'], 'sleep 5'),
    counted('beside', ['first'], 'sleep 3'),
    counted('last', ['middle', 'beside']),
  ],
  finally: [
    {
      name: 'sum',
      workspaces: [{ name: 'shared' }],
      taskSpec: specOf(['sort $(workspaces.shared.path)/executed | tr "\\n" " " > $(results.executed.path)'], {
        workspaces: [{ name: 'shared' }],
        results: [{ name: 'executed' }],
      }),
    },
  ],
  results: [{ name: 'executed', value: '$(finally.sum.results.executed)' }],
});

const SLEEPER = pipelineOf('sleeper', {
  tasks: [{ name: 'sleep', taskSpec: specOf(['echo asleep\nsleep 600']) }],
  finally: [{ name: 'after', taskSpec: specOf(['echo after all']) }],
});

let space: TestNamespace;
let counting: string;
let sleeping: string;

beforeAll(async () => {
  space = await testNamespace('takeover', { restricted: true });
  counting = await space.file('counted.yaml', PIPELINE);
  sleeping = await space.file('sleeper.yaml', SLEEPER);
});
afterAll(() => space?.delete());

const begin = (file: string, name: string, more: readonly string[] = []) =>
  space.start(['run', file, '--name', name, '--pod-template', TEMPLATE, ...more]);

const CLAIM = ['-w', 'shared=claim=16Mi'];

const podsOf = async (run: string) =>
  (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === run);

const kill = async ({ child, finished }: ReturnType<typeof begin>): Promise<void> => {
  child.kill('SIGKILL');
  await finished;
};

const executed = (output: RunOutput | undefined): unknown => output?.status.results?.[0]?.value;

describe('the tool is killed in mid-run, and the run resumed', () => {
  test.concurrent.each(['task', 'run'])(
    '--pods %s: at once, nothing is executed twice, no pod is made twice',
    async (pods) => {
      const name = `killed-${pods}`;
      const driver = begin(counting, name, [...CLAIM, '--pods', pods]);
      await driver.says('middle began');
      await kill(driver);
      const resumed = await space.run(['--resume', name]);
      well(resumed);
      expect(resumed.stderr).not.toContain('waiting for');
      expect(executed(resumed.output)).toBe('beside first last middle ');
      expect(resumed.output?.status.conditions[0]).toMatchObject({ status: 'True', reason: 'Succeeded' });
      const made = await podsOf(name);
      expect(made).toHaveLength(pods === 'task' ? 5 : 2);
      for (const { metadata } of made) expect(metadata.labels?.['waybill.dev/attempt']).toBe('1');
    },
  );

  test.concurrent('again and again, from its first moment', async () => {
    const name = 'killed-often';
    const first = begin(counting, name, CLAIM);
    await first.says('as run');
    await eventually('the record is written', async () =>
      (await space.objects()).includes(`secrets/waybill-run-${name}`),
    );
    await kill(first);
    for (const delay of [400, 700, 1000, 1300]) {
      const next = space.start(['run', '--resume', name]);
      await Promise.race([sleep(delay), next.finished]);
      await kill(next);
    }
    const resumed = well(await space.run(['--resume', name]));
    expect(executed(resumed.output)).toBe('beside first last middle ');
    expect(await podsOf(name)).toHaveLength(5);
  });

  test.concurrent('from another machine: when its lease has run out', async () => {
    const name = 'killed-elsewhere';
    const driver = begin(counting, name, CLAIM);
    await driver.says('first began');
    await kill(driver);
    const renewed = new Date(Date.now() - 12_000).toISOString();
    const annotations = { 'waybill.dev/holder': 'elsewhere/1', 'waybill.dev/renewed': renewed };
    await space.client.patch('secrets', `waybill-run-${name}`, { metadata: { annotations } });
    const resumed = well(await space.run(['--resume', name]));
    expect(resumed.stderr).toContain('waiting for process 1 on elsewhere');
    expect(executed(resumed.output)).toBe('beside first last middle ');
  });

  test.concurrent('a run that is over has nothing left to do, and says how it ended', async () => {
    const name = 'over';
    well(await begin(counting, name, CLAIM).finished);
    const pods = (await podsOf(name)).map(({ metadata }) => metadata.uid).sort();
    const resumed = well(await space.run(['--resume', name]));
    expect(executed(resumed.output)).toBe('beside first last middle ');
    expect((await podsOf(name)).map(({ metadata }) => metadata.uid).sort()).toEqual(pods);
  });
});

test('a run of nobody cannot be resumed', async () => {
  expect((await space.run(['--resume', 'nobody'])).code).toBe(3);
  expect((await space.cli(['cancel', 'nobody'])).code).toBe(3);
  expect((await space.cli(['delete', 'nobody'])).code).toBe(3);
});

describe('a run is cancelled', () => {
  const reasonOf = async (name: string) => (await space.records.load(space.name, name)).record.state.condition?.reason;
  const stopped = (name: string) =>
    eventually(`the pods of ${name} are gone`, async () => ((await podsOf(name)).length === 0 ? true : undefined), 30);

  test.concurrent('by Ctrl-C: exit 130, its pods are stopped, its end is written', async () => {
    const driver = begin(sleeping, 'interrupted');
    await driver.says('asleep');
    driver.child.kill('SIGINT');
    const { code, stdout } = await driver.finished;
    expect(code).toBe(130);
    expect(stdout).not.toContain('after all');
    expect(await reasonOf('interrupted')).toBe('Cancelled');
    await stopped('interrupted');
  });

  test.concurrent('by Ctrl-C twice: it leaves at once, and the run can be resumed', async () => {
    const driver = begin(counting, 'left', CLAIM);
    await driver.says('middle began');
    driver.child.kill('SIGINT');
    driver.child.kill('SIGINT');
    expect((await driver.finished).code).toBe(130);
    // The first may have been written already.
    expect([0, 130]).toContain((await space.cli(['run', '--resume', 'left'])).code);
  });

  test.concurrent('from elsewhere, while it is driven', async () => {
    const driver = begin(sleeping, 'told');
    await driver.says('asleep');
    // It cannot be taken from a driver that is alive.
    expect(await space.run(['--resume', 'told'])).toMatchObject({ code: 2 });
    const cancelled = well(await space.cli(['cancel', 'told', '-o', 'json']));
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ name: 'told', mode: 'Cancelled' });
    expect((await driver.finished).code).toBe(130);
    expect(await reasonOf('told')).toBe('Cancelled');
    await stopped('told');
  });

  test.concurrent('from elsewhere, when its driver was killed', async () => {
    const driver = begin(sleeping, 'abandoned');
    await driver.says('asleep');
    await kill(driver);
    const cancelled = well(await space.cli(['cancel', 'abandoned', '-o', 'json']));
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ finished: true, reason: 'Cancelled' });
    await stopped('abandoned');
  });

  test.concurrent('its finally tasks run where they were asked to', async () => {
    const driver = begin(sleeping, 'gracefully');
    await driver.says('asleep');
    well(await space.cli(['cancel', 'gracefully', '--mode', 'CancelledRunFinally']));
    const { code, stdout } = await driver.finished;
    expect(code).toBe(130);
    expect(stdout).toContain('[after : unnamed-0] after all');
    expect(await reasonOf('gracefully')).toBe('Cancelled');
  });
});

test('delete takes a run away under its driver, and leaves nothing of any', async () => {
  const driver = begin(counting, 'deleted', CLAIM);
  await driver.says('middle began');
  well(await space.cli(['delete', 'deleted']));
  expect((await driver.finished).code).toBe(1);
  const { stdout } = well(await space.cli(['runs', '-o', 'json']));
  const names = (JSON.parse(stdout) as { runs: readonly { name: string }[] }).runs.map(({ name }) => name);
  expect(names).not.toContain('deleted');
  well(await space.cli(['delete', ...names]));
  expect(await space.objects()).toEqual([]);
  await expect.poll(() => space.volumes(), { timeout: 20_000 }).toEqual([]);
});
