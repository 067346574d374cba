import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RIGHTS, rightsOf } from '../../src/runtime/index.ts';
import { expectFault } from '../support/faults.ts';
import { type TestNamespace, type Tool, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { type Proxy as ApiProxy, startProxy } from '../support/proxy.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('events', { restricted: true });
});
afterAll(() => space?.delete());

/** A user with all rights of a runner but these. */
const without = (name: string, ...resources: readonly string[]): Promise<Tool> => {
  const rules = rightsOf('runner')
    .filter(({ resource }) => !resources.includes(resource))
    .map(({ resource, verb }) => ({ apiGroups: [''], resources: [resource], verbs: [verb] }));
  expect(rules.length).toBeLessThan(RIGHTS.length);
  return space.as({ name, rules });
};

const run = async (tool: Tool, name: string, object: object, more: readonly string[] = []) =>
  tool.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

const conditionsOf = async (name: string, task: string) => (await space.taskRuns(name))[task]?.status?.conditions;

/** The lines that a step printed, without their heads. */
const linesOf = (text: string, task: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`[${task} : `))
    .map((line) => line.slice(line.indexOf('] ') + 2));

const upTo = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

/** Writes a result of so many bytes. */
const large = (bytes: number) =>
  specOf([`head -c ${bytes} /dev/zero | tr '\\0' x > $(results.r.path)`], { results: [{ name: 'r' }] });

describe.concurrent('logs that may not be read', () => {
  test('a pod for each task, and results with its status', async () => {
    const tool = await without('no-logs', 'pods/log', 'pods/attach');
    const first = specOf(['echo unseen\nprintf "%s" "<a & b>" > $(results.r.path)'], { results: [{ name: 'r' }] });
    const second = specOf(['[ "$(params.p)" = "<a & b>" ]'], { params: [{ name: 'p' }] });
    const pipeline = pipelineOf('no-logs', {
      tasks: [
        { name: 'first', taskSpec: first },
        { name: 'second', taskSpec: second, params: [{ name: 'p', value: '$(tasks.first.results.r)' }] },
      ],
      results: [{ name: 'out', value: '$(tasks.first.results.r)' }],
    });
    const { output, ...ended } = await run(tool, 'no-logs', pipeline, ['--pods', 'run']);
    expectFault('log-forbidden', { ...ended, conditions: output?.status.conditions });
    expect(output?.status.results).toEqual([{ name: 'out', value: '<a & b>' }]);
    expect(ended.stderr).not.toContain('unseen');
    expect((await space.pods()).filter(({ metadata }) => metadata.name.startsWith('no-logs'))).toHaveLength(2);
    const logs = await tool.cli(['logs', 'no-logs']);
    expect([logs.code, logs.stderr]).toEqual([3, expect.stringContaining('Forbidden')]);
  });

  test('results that the status has no room for fail their task, and say so', async () => {
    const tool = await without('no-room', 'pods/log', 'pods/attach');
    const pipeline = pipelineOf('no-room', { tasks: [{ name: 'large', taskSpec: large(5000) }] });
    const { output: _, ...ended } = await run(tool, 'no-room', pipeline);
    const conditions = await conditionsOf('no-room', 'large');
    expectFault('log-forbidden-large', { ...ended, conditions });
    expect(conditions).toMatchObject([{ message: expect.stringContaining('4096 bytes') }]);
  });

  test('where supervisors may be heard, they tell all', async () => {
    const tool = await without('attach-only', 'pods/log');
    const pipeline = pipelineOf('attach-only', { tasks: [{ name: 'large', taskSpec: large(300_000) }] });
    const { output: _, ...ended } = await run(tool, 'attach-only', pipeline);
    expectFault('log-forbidden-attach', { ...ended, conditions: await conditionsOf('attach-only', 'large') });
    const { large: told } = await space.taskRuns('attach-only');
    expect(told?.status?.results).toEqual([{ name: 'r', type: 'string', value: 'x'.repeat(300_000) }]);
  });
});

describe.concurrent('a network that fails', () => {
  const COUNT = 60;
  const task = (name: string) =>
    taskOf(
      name,
      [`i=0\nwhile [ $i -lt ${COUNT} ]; do i=$((i+1)); echo line $i; sleep 0.1; done\nprintf done > $(results.r.path)`],
      {
        results: [{ name: 'r' }],
      },
    );

  /** Runs a task behind a proxy that `harm` does something to as soon as the step has begun, until the run is over. */
  const runBehind = async (name: string, harm: (proxy: ApiProxy, over: AbortSignal) => Promise<void>) => {
    const proxy = await startProxy(space.user.kubeconfig);
    const over = new AbortController();
    try {
      const kubeconfig = await space.file(`${name}.kubeconfig`, proxy.kubeconfig);
      const file = await space.file(`${name}.yaml`, task(name));
      const driver = space.start(['run', file, '--name', name, '--pod-template', TEMPLATE], {
        env: { KUBECONFIG: kubeconfig },
      });
      await driver.says('line 3\n');
      const harmed = harm(proxy, over.signal);
      const ended = await driver.finished;
      over.abort();
      await harmed;
      expect(linesOf(ended.stdout, name)).toEqual(upTo(COUNT));
      const conditions = await conditionsOf(name, name);
      expect((await space.taskRuns(name))[name]?.status?.results).toMatchObject([{ name: 'r', value: 'done' }]);
      return { ...ended, conditions };
    } finally {
      over.abort();
      await proxy.close();
    }
  };

  test('connections that are cut again and again', async () => {
    const ended = await runBehind('cut', async (proxy, over) => {
      while (!over.aborted) {
        await sleep(400, undefined, { signal: over }).catch(() => undefined);
        proxy.cut();
      }
    });
    expectFault('streams-cut', ended);
  });

  test('connections that stand still, and are then cut', async () => {
    const ended = await runBehind('stalled', async (proxy) => {
      proxy.stall();
      await sleep(8000);
      proxy.cut();
      proxy.resume();
    });
    expectFault('streams-stalled', ended);
  });

  test('an API server that takes no connections for ten seconds', async () => {
    const ended = await runBehind('refused', async (proxy) => {
      await proxy.refuse();
      await sleep(10_000);
      await proxy.accept();
    });
    expectFault('connections-refused', ended);
  });
});

describe('what a node does to logs', () => {
  /** Of a kubelet: how large logs grow, and how often it looks. */
  const ROTATED = { bytes: 10 * 1024 * 1024, every: 10 };

  test('one that is rotated is told whole, and that it may not be', async () => {
    const line = 'x'.repeat(1000);
    const block = `yes ${line} | head -n ${Math.ceil((ROTATED.bytes * 1.1) / 1001)}`;
    const script = `${block}\nsleep ${ROTATED.every * 1.5}\necho last\nprintf done > $(results.r.path)`;
    const { output, ...ended } = await run(space, 'rotated', taskOf('rotated', [script], { results: [{ name: 'r' }] }));
    expectFault('log-rotated', { ...ended, conditions: output?.status.conditions });
    const lines = linesOf(ended.stderr, 'rotated');
    expect(lines.at(-1)).toBe('last');
    expect(lines.slice(0, -1).every((one) => one === line)).toBe(true);
    expect(lines).toHaveLength(Math.ceil((ROTATED.bytes * 1.1) / 1001) + 1);
  });

  test('one whose node has no inotify left is read all the same', async ({ skip }) => {
    if (!space.cluster.own) skip();
    const LIMIT = 'fs.inotify.max_user_instances';
    const before = execFileSync('sysctl', ['-n', LIMIT], { encoding: 'utf8' }).trim();
    const set = (value: string): unknown => execFileSync('sysctl', ['-q', '-w', `${LIMIT}=${value}`]);
    const script = 'for i in 1 2 3 4 5; do echo line $i; sleep 0.5; done\nprintf done > $(results.r.path)';
    const spec = specOf([script], { results: [{ name: 'r' }] });
    const pipeline = pipelineOf('inotify', {
      tasks: [
        { name: 'one', taskSpec: spec },
        { name: 'two', runAfter: ['one'], taskSpec: spec },
      ],
    });
    set('1');
    try {
      const { output, ...ended } = await run(space, 'inotify', pipeline, ['--pods', 'run']);
      expectFault('inotify-limit', { ...ended, conditions: output?.status.conditions });
      expect(linesOf(ended.stderr, 'one')).toEqual(upTo(5));
      expect(linesOf(ended.stderr, 'two')).toEqual(upTo(5));
      expect(ended.stderr.match(/LogPolled/g)).toHaveLength(1);
    } finally {
      set(before);
    }
  });
});
