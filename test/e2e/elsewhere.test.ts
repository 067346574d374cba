import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { readOutput } from '../support/output.ts';
import { startProxy } from '../support/proxy.ts';
import type { Finished } from '../support/waybill.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
const HOUR = 3_600_000;

let space: TestNamespace;
/** Environment of another machine: nothing of ours but the kubeconfig. */
let elsewhere: { readonly HOME: string; readonly XDG_CACHE_HOME: string };

beforeAll(async () => {
  space = await testNamespace('elsewhere', { restricted: true });
  const home = await mkdtemp(join(space.folder, 'home-'));
  elsewhere = { HOME: home, XDG_CACHE_HOME: home };
});
afterAll(() => space?.delete());

const begin = async (name: string, object: object, env: NodeJS.ProcessEnv = {}, more: readonly string[] = []) => {
  const file = await space.file(`${name}.yaml`, object);
  return space.start(['run', file, '--name', name, '--pod-template', TEMPLATE, ...more], { env });
};

/** Kills a driver, of which then nobody can know that it is gone: it had run on another machine. */
const lose = async (name: string, { child, finished }: Awaited<ReturnType<typeof begin>>): Promise<void> => {
  child.kill('SIGKILL');
  await finished;
  const annotations = { 'waybill.dev/holder': 'runner-7/4711/0123456789ab/99' };
  await space.client.patch('secrets', `waybill-run-${name}`, { metadata: { annotations } });
};

const jsonOf = (command: string, finished: Finished): unknown => readOutput(command, well(finished).stdout);
const there = (args: readonly string[]) => space.cli([...args], { env: elsewhere });
const stateOf = async (name: string) => (await space.records.load(space.name, name)).record.state;
const podsOf = async (name: string, from = space) =>
  (await from.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === name);

const TALKER = pipelineOf('talker', {
  tasks: [
    { name: 'quick', taskSpec: specOf(['echo quick is done']) },
    { name: 'slow', taskSpec: specOf(['echo slow began\nsleep 15\necho slow is done']) },
    { name: 'after', runAfter: ['slow'], taskSpec: specOf(['echo after all']) },
  ],
});

describe.concurrent('from another machine', () => {
  test('a run whose driver is gone is shown, read, followed to where it stands, and resumed', async () => {
    const driver = await begin('talker', TALKER);
    await driver.says('slow began');
    await lose('talker', driver);
    const follower = space.start(['logs', 'talker', '-f'], { env: elsewhere });
    const shown = jsonOf('runs', await there(['runs', 'talker', '-o', 'json']));
    expect(shown).toMatchObject({
      runs: [
        {
          name: 'talker',
          status: 'Unknown',
          details: {
            driver: { holder: 'runner-7/4711/0123456789ab/99', epoch: 1 },
            pods: [
              { tasks: ['quick'], attempt: 1 },
              { tasks: ['slow'], attempt: 1 },
            ],
          },
        },
      ],
    });
    const read = well(await there(['logs', 'talker', '--task', 'slow']));
    expect(read.stdout).toContain('[slow : unnamed-0] slow began\n');
    expect(read.stdout).not.toContain('quick');
    const followed = well(await follower.finished);
    expect(followed.stdout).toContain('[slow : unnamed-0] slow is done\n');
    expect(followed.stdout).not.toContain('after all');
    expect(followed.stderr).toContain('waybill run --resume talker');
    well(await there(['run', '--resume', 'talker']));
    const last = await there(['logs', 'talker', '-o', 'json']);
    expect(jsonOf('logs', last)).toMatchObject({
      steps: [{ task: 'quick' }, { task: 'slow' }, { task: 'after' }],
    });
    for (const line of ['quick is done', 'slow is done', 'after all']) expect(last.stderr).toContain(line);
    expect(well(await there(['runs', 'talker'])).stdout).toContain('Succeeded');
  });

  test('the logs of a run that is driven are followed until it is over', async () => {
    const driver = await begin('followed', TALKER);
    await driver.says('slow began');
    const follower = space.start(['logs', 'followed', '--follow'], { env: elsewhere });
    well(await driver.finished);
    const { stdout } = well(await follower.finished);
    for (const line of ['quick is done', 'slow is done', 'after all']) expect(stdout).toContain(line);
  });

  test('a run whose driver is gone is cancelled when its lease has run out', async () => {
    const driver = await begin('cancelled', taskOf('cancelled', ['echo asleep\nsleep 600']));
    await driver.says('asleep');
    await lose('cancelled', driver);
    const known = Date.now();
    const cancelled = await there(['cancel', 'cancelled', '-o', 'json']);
    expect(jsonOf('cancel', cancelled)).toMatchObject({ finished: true });
    const { condition } = await stateOf('cancelled');
    expectFault('driver-gone-cancel', { ...cancelled, conditions: [condition], known, over: Date.now() });
    await eventually('its pod is gone', async () => (await podsOf('cancelled')).length === 0);
  });

  test('a record that is deleted in mid-run ends its driver', async () => {
    const driver = await begin('deleted', taskOf('deleted', ['echo asleep\nsleep 600']));
    await driver.says('asleep');
    await space.client.delete('secrets', 'waybill-run-deleted');
    const known = Date.now();
    expectFault('record-deleted', { ...(await driver.finished), known, over: Date.now() });
    await eventually('the collector takes the rest', async () => (await podsOf('deleted')).length === 0);
  });
});

describe.concurrent('signals', () => {
  const SLEEPER = taskOf('sleeper', ['echo asleep\nsleep 600']);

  test('TERM cancels, also after Ctrl-C, and does not cut it off', async () => {
    const driver = await begin('terminated', SLEEPER);
    await driver.says('asleep');
    driver.child.kill('SIGINT');
    driver.child.kill('SIGTERM');
    driver.child.kill('SIGTERM');
    expect((await driver.finished).code).toBe(130);
    expect((await stateOf('terminated')).condition).toMatchObject({
      status: 'False',
      reason: expect.stringMatching('Cancelled'),
    });
    expect((await space.records.look(space.name, 'terminated')).lease.holder).toBe('');
  });

  test('a wish that was written before its process was killed is fulfilled by whoever resumes', async () => {
    const driver = await begin('wished', SLEEPER);
    await driver.says('asleep');
    driver.child.kill('SIGTERM');
    await eventually('it is written', async () => (await space.records.load(space.name, 'wished')).cancel !== null);
    driver.child.kill('SIGKILL');
    await driver.finished;
    expect((await space.run(['--resume', 'wished'])).code).toBe(130);
    expect((await stateOf('wished')).condition?.status).toBe('False');
  });

  test('a terminal that goes away leaves the run, free to be resumed at once', async () => {
    const driver = await begin('hung-up', taskOf('hung-up', ['echo began\nsleep 10']));
    await driver.says('began');
    driver.child.kill('SIGHUP');
    expect((await driver.finished).code).toBe(130);
    expect(await space.records.look(space.name, 'hung-up')).toMatchObject({ finished: null, lease: { holder: '' } });
    expect(await podsOf('hung-up')).toHaveLength(1);
    const resumed = well(await there(['run', '--resume', 'hung-up']));
    expect(resumed.stderr).not.toContain('waiting for');
  });
});

describe.concurrent('records and clocks', () => {
  test('a record above 900 KiB is written in parts, and resumed', async () => {
    const large = 'head -c 560000 /dev/urandom | base64 -w 0 >';
    const results = [{ name: 'one' }, { name: 'two' }];
    const pipeline = pipelineOf('large', {
      tasks: [
        {
          name: 'makes',
          taskSpec: specOf([`${large} $(results.one.path)\n${large} $(results.two.path)`], { results }),
        },
        { name: 'waits', runAfter: ['makes'], taskSpec: specOf(['echo waits began\nsleep 10']) },
      ],
    });
    const driver = await begin('large', pipeline);
    await driver.says('waits began');
    const parts = async () =>
      (await space.objects()).filter((object) => object.startsWith('secrets/waybill-run-large-'));
    await eventually('its parts are written', async () => (await parts()).length > 0);
    driver.child.kill('SIGKILL');
    await driver.finished;
    const known = Date.now();
    const resumed = space.start(['run', '--resume', 'large', '-o', 'json']);
    await resumed.says('resumed as driver 2');
    const over = Date.now();
    const ended = await resumed.finished;
    const state = await stateOf('large');
    expectFault('record-large', { ...ended, conditions: [state.condition], known, over });
    expect(state.nodes[0]?.results.two).toHaveLength(746_668);
    well(await space.cli(['delete', 'large']));
    expect((await space.objects()).filter((object) => object.includes('large'))).toEqual([]);
  });

  test("clocks that are hours off, and are set in mid-run, change nothing: the cluster's counts", async () => {
    const skewed = (skew: number, jump = 0): NodeJS.ProcessEnv => ({
      WAYBILL_SKEW: String(skew),
      WAYBILL_JUMP: String(jump),
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, '../support/skewed-clock.ts')).href}`,
    });
    const before = Date.now();
    const pipeline = pipelineOf('skewed', {
      tasks: [
        { name: 'first', taskSpec: specOf(['echo first began\nsleep 12']) },
        { name: 'last', runAfter: ['first'], taskSpec: specOf(['echo last began\nsleep 5']) },
      ],
    });
    const driver = await begin('skewed', pipeline, skewed(3 * HOUR));
    await driver.says('first began');
    // Its lease looks three hours old to one, and to be of the future to the other.
    for (const skew of [5 * HOUR, -3 * HOUR]) {
      const other = await space.cli(['run', '--resume', 'skewed'], { env: skewed(skew) });
      expect(other, other.stderr).toMatchObject({ code: 2, stderr: expect.stringContaining('DriverAlive') });
    }
    driver.child.kill('SIGKILL');
    await driver.finished;
    const resumed = await space.run(['--resume', 'skewed'], { env: skewed(-3 * HOUR, 6 * HOUR) });
    const { condition, startedAt, finishedAt } = await stateOf('skewed');
    expectFault('clock-skew', { ...resumed, conditions: [condition] });
    expect(startedAt).toBeGreaterThan(before - 60_000);
    expect(finishedAt).toBeLessThan(Date.now() + 60_000);
  });
});

describe('what is left is cleared away', () => {
  test('by age and number: only runs that are over, newest kept', async () => {
    const own = await testNamespace('cleared', { restricted: true });
    try {
      const file = await own.file('quick.yaml', taskOf('quick', ['true']));
      for (const name of ['one', 'two', 'three'])
        well(await own.run([file, '--name', name, '--pod-template', TEMPLATE]));
      const slow = await own.file('slow.yaml', taskOf('slow', ['echo asleep\nsleep 600']));
      const driver = own.start(['run', slow, '--name', 'running', '--pod-template', TEMPLATE]);
      await driver.says('asleep');
      const would = await own.cli(['delete', '--keep', '1', '--dry-run', '-o', 'json']);
      const chosen = { deleted: ['two', 'one'], running: 1, orphans: [] };
      expect(jsonOf('delete', would)).toEqual({ dryRun: true, ...chosen });
      expect((await own.records.list(own.name)).map(({ name }) => name)).toHaveLength(4);
      const none = await own.cli(['delete', '--keep', '1', '--older-than', '1h', '-o', 'json']);
      expect(jsonOf('delete', none)).toMatchObject({ deleted: [] });
      const done = await own.cli(['delete', '--keep', '1', '-o', 'json']);
      expect(jsonOf('delete', done)).toEqual({ dryRun: false, ...chosen });
      expect((await own.records.list(own.name)).map(({ name }) => name).sort()).toEqual(['running', 'three']);
      expect((await own.cli(['delete', 'running', '--keep', '1'])).code).toBe(2);
      expect((await own.cli(['delete'])).code).toBe(2);
      // Orphaned: the record goes, and what it owns stays.
      await own.client.delete('secrets', 'waybill-run-three', { propagation: 'Orphan' });
      await eventually('its record is gone', async () => !(await own.objects()).includes('secrets/waybill-run-three'));
      const [pod] = (await podsOf('three', own)).map(({ metadata }) => metadata);
      expect(pod?.ownerReferences ?? []).toEqual([]);
      const orphans = [{ kind: 'pods', name: pod?.name, run: 'three' }];
      const seen = await own.cli(['delete', '--orphans', '--dry-run', '-o', 'json']);
      expect(jsonOf('delete', seen)).toMatchObject({ orphans });
      expect(await podsOf('three', own)).toHaveLength(1);
      const swept = await own.cli(['delete', '--orphans', '-o', 'json']);
      expect(jsonOf('delete', swept)).toMatchObject({ deleted: [], orphans });
      await eventually('the orphan is gone', async () => (await podsOf('three', own)).length === 0);
      expect(await podsOf('running', own)).toHaveLength(1);
      driver.child.kill('SIGKILL');
      await driver.finished;
    } finally {
      await own.delete();
    }
  });
});

test('a pod that a replaced driver asked for in vain, and that is made when the run is over, is taken back', async () => {
  const own = await testNamespace('late', { restricted: true });
  const proxy = await startProxy(own.user.kubeconfig);
  const admin = await adminOf(own.cluster.kubeconfig);
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none', namespace: own.name } };
  try {
    await admin.create({ ...quota, spec: { hard: { pods: '0' } } });
    const file = await own.file('late.yaml', taskOf('late', ['echo it runs\nsleep 600']));
    const env = { KUBECONFIG: await own.file('proxied.kubeconfig', proxy.kubeconfig) };
    const driver = own.start(['run', file, '--name', 'late', '--pod-template', TEMPLATE], { env });
    await driver.says('ExceededResourceQuota');
    proxy.stall();
    await admin.delete(quota);
    // Its next try, within eight seconds, stays on the way.
    await sleep(9000);
    driver.child.kill('SIGSTOP');
    well(await own.cli(['cancel', 'late', '-o', 'json']));
    expect((await podsOf('late', own)).map(({ metadata }) => metadata.name)).toEqual([]);
    proxy.resume();
    await eventually('it is made', async () => (await podsOf('late', own)).length === 1);
    driver.child.kill('SIGCONT');
    const known = Date.now();
    const lost = await driver.finished;
    expectFault('driver-late', { ...lost, known, over: Date.now() });
    await eventually('it is gone', async () => (await podsOf('late', own)).length === 0);
    expect(lost.stdout).not.toContain('it runs');
  } finally {
    await proxy.close();
    await admin.close();
    await own.delete();
  }
});
