import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunState } from '../../src/engine/index.ts';
import { randomOf } from '../soak/random.ts';
import { well } from '../support/bundles.ts';
import { expectFault } from '../support/faults.ts';
import { type Ran, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
const WORKSPACES = [{ name: 'shared' }];

/** A task that adds a line to a file that outlives pods and drivers, with the number of its attempt. */
const counted = (name: string, runAfter: readonly string[], script = 'sleep 0.3', more: object = {}) => {
  const write = `echo ${name}-$(context.task.retry-count) >> $(workspaces.shared.path)/executed`;
  return {
    ...{ name, runAfter, workspaces: WORKSPACES, ...more },
    taskSpec: specOf([`${write}\n${script}`], { workspaces: WORKSPACES, results: [{ name: 'said' }] }),
  };
};
const said = (text: string): string => `printf ${text} > $(results.said.path)\nsleep 0.2`;

/** Says which attempts were executed, from the file that all have added to; it comes last. */
const SUM = {
  name: 'sum',
  workspaces: WORKSPACES,
  taskSpec: specOf(['sort $(workspaces.shared.path)/executed | tr "\\n" " " > $(results.executed.path)'], {
    workspaces: WORKSPACES,
    results: [{ name: 'executed' }],
  }),
};
const SUMMED = { name: 'executed', value: '$(finally.sum.results.executed)' };

/** Twelve tasks: chains and branches, a result that goes into another pod, a retry, a task that comes last. */
const TWELVE = pipelineOf('twelve', {
  workspaces: WORKSPACES,
  tasks: [
    counted('a', []),
    counted('b', ['a'], said('b')),
    counted('c', ['a']),
    counted('d', ['a'], 'sleep 1'),
    counted('e', ['c'], said('$(tasks.b.results.said)e')),
    counted('f', ['d'], '[ $(context.task.retry-count) = 1 ]', { retries: 1 }),
    counted('g', ['e', 'f'], said('$(tasks.e.results.said)g')),
    counted('h', ['g']),
    counted('i', ['g'], 'sleep 0.5'),
    counted('j', ['h', 'i']),
    counted('k', ['j']),
  ],
  finally: [SUM],
  results: [SUMMED, { name: 'said', value: '$(tasks.g.results.said)' }],
});
const EXECUTED = 'a-0 b-0 c-0 d-0 e-0 f-0 f-1 g-0 h-0 i-0 j-0 k-0 ';

const GROUPINGS = ['task', 'run'] as const;
type Grouping = (typeof GROUPINGS)[number];

let space: TestNamespace;
let file: string;

const begin = (name: string, pods: Grouping) =>
  space.start(['run', file, '--name', name, '--pods', pods, '-w', 'shared=claim=16Mi', '--pod-template', TEMPLATE]);

const podsOf = async (run: string) =>
  (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === run);

/** Which attempts of which groups had a pod, each once. */
const attemptsOf = async (run: string): Promise<readonly string[]> =>
  (await podsOf(run))
    .map(({ metadata }) => `${metadata.labels?.['waybill.dev/group']}/${metadata.labels?.['waybill.dev/attempt']}`)
    .sort();

const CHANCE = /(?:Time|At|ID)$|^(?:uid|podName)$/;

/** A run as everybody sees it at its end, without what must differ: times, names and identities. */
const endOf = async (run: string): Promise<unknown> => {
  const { record } = await space.records.load(space.name, run);
  const { condition, results } = record.state;
  const all = { condition, results, tasks: await space.taskRuns(run) };
  const text = JSON.stringify(all, (key, value: unknown) => (CHANCE.test(key) ? undefined : value));
  return JSON.parse(text.replaceAll(run, 'RUN'));
};

/** Each part of a run ended after it had begun, and no task began before the run. */
const expectOrder = (state: RunState): void => {
  const attempts = state.nodes.flatMap(({ retries, ...last }) => [...retries, last]);
  for (const part of [state, ...attempts, ...attempts.flatMap(({ steps }) => steps)]) {
    expect(part).toMatchObject({ startedAt: expect.any(Number), finishedAt: expect.any(Number) });
    expect(part.startedAt).toBeLessThanOrEqual(part.finishedAt ?? 0);
  }
  for (const { startedAt } of attempts) expect(startedAt).toBeGreaterThanOrEqual(state.startedAt ?? 0);
};

const executedOf = ({ results }: RunState): unknown => results.find(({ name }) => name === 'executed')?.value;

/** The undisturbed run of each grouping: what it comes to, and how long it takes. */
const usual = new Map<Grouping, { end: unknown; attempts: readonly string[]; milliseconds: number }>();

beforeAll(async () => {
  space = await testNamespace('killed', { restricted: true });
  file = await space.file('twelve.yaml', TWELVE);
  await Promise.all(
    GROUPINGS.map(async (pods) => {
      const name = `usual-${pods}`;
      const began = Date.now();
      well(await begin(name, pods).finished);
      const milliseconds = Date.now() - began;
      usual.set(pods, { end: await endOf(name), attempts: await attemptsOf(name), milliseconds });
    }),
  );
}, 300_000);
afterAll(() => space?.delete());

/** Printed with the tests; the same one chooses the same moments. */
const SEED = Number(process.env.WAYBILL_SEED ?? Date.now() % 1_000_000);
const random = randomOf(SEED, 0);
const CASES = Array.from({ length: 20 }, (_, index) => ({
  index,
  signal: index % 5 < 3 ? ('SIGKILL' as const) : ('SIGSTOP' as const),
  pods: GROUPINGS[index % 2] as Grouping,
  percent: random.between(0, 99),
}));

describe(`seed ${SEED}`, () => {
  test.concurrent.each(CASES)(
    '$index: $signal after $percent % of its time, --pods $pods, then --resume',
    async ({ index, signal, pods, percent }) => {
      const name = `disturbed-${index}`;
      const { milliseconds = 0, end, attempts } = usual.get(pods) ?? {};
      const driver = begin(name, pods);
      await Promise.race([sleep((milliseconds * percent) / 100), driver.finished]);
      driver.child.kill(signal);
      if (signal === 'SIGKILL') await driver.finished;
      const resumed: Ran = await space.run(['--resume', name]);
      // It had not come to its record: then nothing else of it is there.
      if (resumed.code === 3) {
        expect((await space.objects()).filter((object) => object.includes(`${name}-`))).toEqual([]);
        well(await begin(name, pods).finished);
      } else well(resumed);
      if (signal === 'SIGSTOP') {
        driver.child.kill('SIGCONT');
        const { code, stderr } = await driver.finished;
        // It had ended before; it was replaced; or its run was begun by another one.
        expect([0, 1, 2], stderr).toContain(code);
        if (code === 1) expect(stderr).toContain('DriverLost');
        if (code === 2) expect(stderr).toContain('RunExists');
      }
      const { record } = await space.records.load(space.name, name);
      expect(executedOf(record.state)).toBe(EXECUTED);
      expectOrder(record.state);
      expect(await attemptsOf(name)).toEqual(attempts);
      expect(await endOf(name)).toEqual(end);
    },
  );
});

describe.concurrent('a driver', () => {
  const LONG = pipelineOf('long', {
    workspaces: WORKSPACES,
    tasks: [
      counted('first', []),
      counted('middle', ['first'], 'echo middle began\nsleep 20'),
      counted('last', ['middle']),
    ],
    finally: [SUM],
    results: [SUMMED],
  });
  /** Each task was executed once, in its one pod; the run began, and its first task ended, before it was `disturbed`. */
  const expectOnce = async (name: string, state: RunState, disturbed: number): Promise<void> => {
    expect(executedOf(state)).toBe('first-0 last-0 middle-0 ');
    expect(await attemptsOf(name)).toEqual(['0/1', '1/1', '2/1', '3/1']);
    expectOrder(state);
    expect(state.startedAt).toBeLessThanOrEqual(disturbed);
    expect(state.nodes[0]?.finishedAt).toBeLessThanOrEqual(disturbed);
  };
  const startLong = async (name: string) => {
    const path = await space.file(`${name}.yaml`, LONG);
    const driver = space.start(['run', path, '--name', name, '-w', 'shared=claim=16Mi', '--pod-template', TEMPLATE]);
    await driver.says('middle began');
    return driver;
  };

  test('that is killed is followed by another one at once; of two, one drives', async () => {
    const driver = await startLong('two');
    driver.child.kill('SIGKILL');
    await driver.finished;
    const known = Date.now();
    const two = [1, 2].map(() => space.start(['run', '--resume', 'two', '-o', 'json']));
    await Promise.any(two.map(({ says }) => says('resumed as driver 2')));
    const over = Date.now();
    const [first, second] = (await Promise.all(two.map(({ finished }) => finished))).sort(
      (a, b) => (a.code ?? 0) - (b.code ?? 0),
    );
    const { record } = await space.records.load(space.name, 'two');
    const conditions = [record.state.condition];
    expectFault('driver-killed', { ...(first as Ran), conditions, known, over });
    expectFault('driver-twice', second as Ran);
    await expectOnce('two', record.state, known);
  });

  test('that is stopped is followed when its lease has run out, and ends when it goes on', async () => {
    const driver = await startLong('stopped');
    driver.child.kill('SIGSTOP');
    const resumed = space.start(['run', '--resume', 'stopped', '-o', 'json']);
    const stopped = Date.now();
    await resumed.says('resumed as driver 2');
    const took = Date.now();
    driver.child.kill('SIGCONT');
    const known = Date.now();
    const lost = await driver.finished;
    expectFault('driver-continued', { ...lost, known, over: Date.now() });
    const ended = await resumed.finished;
    const { record } = await space.records.load(space.name, 'stopped');
    expectFault('driver-stopped', { ...ended, conditions: [record.state.condition], known: stopped, over: took });
    await expectOnce('stopped', record.state, stopped);
  });
});
