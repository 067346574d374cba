import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

let space: TestNamespace;
beforeAll(async () => {
  space = await testNamespace('flow', { restricted: true });
});
afterAll(() => space?.delete());

const run = async (name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

/** The reason of each task that had a TaskRun. */
const reasonsOf = async (name: string): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    Object.entries(await space.taskRuns(name)).map(([task, { status }]) => [
      task,
      ((status?.conditions ?? []) as readonly { reason: string }[])[0]?.reason ?? '',
    ]),
  );

const says = (script: string) => ({ taskSpec: specOf([script]) });
const makes = (script: string) => ({ taskSpec: specOf([script], { results: [{ name: 'r' }] }) });

describe.each(['task', 'run'])('a pipeline, --pods %s', (pods) => {
  const flow = (name: string, object: object, more: readonly string[] = []) =>
    run(`${name}-${pods}`, object, ['--pods', pods, ...more]);

  test.concurrent('when: what does not hold is skipped, with what only follows it', async () => {
    const pipeline = pipelineOf('when', {
      params: [{ name: 'go', default: 'no' }],
      tasks: [
        { name: 'source', ...makes('printf yes > $(results.r.path)') },
        { name: 'param', when: [{ input: '$(params.go)', operator: 'in', values: ['yes'] }], ...makes('true') },
        {
          name: 'result',
          when: [{ input: '$(tasks.source.results.r)', operator: 'notin', values: ['no', 'never'] }],
          ...says('echo result ran'),
        },
        // Ordered after a skipped task it runs; with a result of it, it cannot.
        { name: 'ordered', runAfter: ['param'], ...says('echo ordered ran') },
        {
          name: 'needs',
          params: [{ name: 'p', value: '$(tasks.param.results.r)' }],
          taskSpec: specOf(['true'], { params: [{ name: 'p' }] }),
        },
        { name: 'child', runAfter: ['needs'], ...says('echo child ran') },
      ],
      finally: [
        { name: 'always', ...says('echo $(tasks.param.status) $(tasks.result.status) $(tasks.status)') },
        { name: 'never', when: [{ input: '$(tasks.status)', operator: 'in', values: ['Failed'] }], ...says('true') },
      ],
    });
    const { code, output, stderr } = await flow('when', pipeline);
    expect([code, output?.status.conditions[0]]).toMatchObject([0, { status: 'True', reason: 'Completed' }]);
    expect(stderr).toContain('[always : unnamed-0] None Succeeded Completed');
    expect(stderr).toContain('result ran');
    expect(stderr).toContain('ordered ran');
    const skipped = output?.status.skippedTasks as readonly { name: string; reason: string }[];
    expect(Object.fromEntries(skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      param: 'When Expressions evaluated to false',
      needs: 'Results were missing',
      child: 'Parent Tasks were skipped',
      never: 'When Expressions evaluated to false',
    });
  });

  test.concurrent('a failure ends it, after what runs already, and finally tasks run', async () => {
    const pipeline = pipelineOf('failure', {
      tasks: [
        { name: 'fails', ...says('echo no >&2; exit 7') },
        { name: 'beside', ...says('sleep 3; echo beside ended') },
        { name: 'after', runAfter: ['fails'], ...says('echo after ran') },
      ],
      finally: [
        {
          name: 'report',
          ...says('echo $(tasks.fails.status) $(tasks.fails.reason) $(tasks.after.status) $(tasks.status)'),
        },
      ],
    });
    const { code, output, stderr } = await flow('failure', pipeline);
    expect([code, output?.status.conditions[0].reason]).toEqual([1, 'Failed']);
    expect(output?.status.conditions[0].message).toBe('Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1');
    for (const text of ['[fails : unnamed-0] no', 'beside ended', '] Failed StepFailed None Failed'])
      expect(stderr).toContain(text);
    expect(stderr).not.toContain('after ran');
    const { fails } = await space.taskRuns(`failure-${pods}`);
    expect(fails?.status).toMatchObject({
      conditions: [{ status: 'False', reason: 'StepFailed', message: '"step-unnamed-0" exited with code 7: Error' }],
      steps: [{ terminated: { exitCode: 7, reason: 'Error' } }],
    });
  });

  test.concurrent('onError: of a step, and of a task', async () => {
    const steps = [
      { name: 'one', onError: 'continue', script: 'exit 3' },
      { name: 'two', script: 'echo "one ended with $(cat $(steps.step-one.exitCode.path))"' },
    ];
    const pipeline = pipelineOf('on-error', {
      tasks: [
        { name: 'step', taskSpec: specOf(steps) },
        { name: 'task', onError: 'continue', ...says('exit 1') },
        { name: 'after', runAfter: ['step', 'task'], ...says('echo after all') },
      ],
    });
    const { code, output, stderr } = await flow('on-error', pipeline);
    expect([code, output?.status.conditions[0]]).toMatchObject([
      0,
      { reason: 'Succeeded', message: 'Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0' },
    ]);
    expect(stderr).toContain('one ended with 3');
    expect(stderr).toContain('after all');
    expect(await reasonsOf(`on-error-${pods}`)).toEqual({
      step: 'Succeeded',
      task: 'FailureIgnored',
      after: 'Succeeded',
    });
    const { step } = await space.taskRuns(`on-error-${pods}`);
    expect(step?.status?.steps).toMatchObject([
      { terminated: { exitCode: 3 }, terminationReason: 'Continued' },
      { terminated: { exitCode: 0 }, terminationReason: 'Completed' },
    ]);
  });

  test.concurrent('retries: each is a pod of its own, and is told of', async () => {
    const script =
      'echo try $(context.task.retry-count) of $(context.pipelineTask.retries); test $(context.task.retry-count) = 2';
    const pipeline = pipelineOf('retries', {
      tasks: [
        { name: 'before', ...says('echo before') },
        { name: 'again', runAfter: ['before'], retries: 2, ...says(script) },
        { name: 'after', runAfter: ['again'], ...says('echo after') },
      ],
    });
    const { code, stderr } = await flow('retries', pipeline);
    expect(code).toBe(0);
    expect(stderr.match(/\[again : unnamed-0\] .*/g)?.map((line) => line.slice(-10))).toEqual(
      [0, 1, 2].map((n) => `try ${n} of 2`),
    );
    const { again } = await space.taskRuns(`retries-${pods}`);
    expect(again?.status).toMatchObject({ conditions: [{ status: 'True' }] });
    const attempts = (again?.status?.retriesStatus ?? []) as readonly {
      podName: string;
      conditions: readonly unknown[];
    }[];
    expect(attempts).toMatchObject([
      { conditions: [{ reason: 'StepFailed' }] },
      { conditions: [{ reason: 'StepFailed' }] },
    ]);
    expect(new Set([...attempts.map(({ podName }) => podName), again?.status?.podName]).size).toBe(3);
  });

  test.concurrent('timeouts: of a step, of a task', async () => {
    const pipeline = pipelineOf('timeouts', {
      tasks: [
        {
          name: 'step',
          onError: 'continue',
          taskSpec: specOf([{ name: 'slow', timeout: '1s', script: 'sleep 60' }, 'echo never']),
        },
        { name: 'task', timeout: '8s', ...says('sleep 60') },
      ],
      finally: [{ name: 'after', ...says('echo after $(tasks.task.reason)') }],
    });
    const { code, output, stderr } = await flow('timeouts', pipeline);
    expect([code, output?.status.conditions[0].reason]).toEqual([1, 'Failed']);
    expect(stderr).toContain('after TaskRunTimeout');
    expect(stderr).not.toContain('echo never');
    const { step, task } = await space.taskRuns(`timeouts-${pods}`);
    expect(step?.status?.steps).toMatchObject([
      { terminationReason: 'TimeoutExceeded' },
      { terminationReason: 'Skipped' },
    ]);
    expect(task?.status?.conditions).toMatchObject([
      { status: 'False', reason: 'TaskRunTimeout', message: expect.stringContaining('failed to finish within "8s"') },
    ]);
  });

  test.concurrent('its own timeout stops all but its finally tasks', async () => {
    const pipeline = pipelineOf('deadline', {
      tasks: [
        { name: 'slow', ...says('echo slow; sleep 60') },
        { name: 'after', runAfter: ['slow'], ...says('echo after ran') },
      ],
    });
    const { code, output, stderr } = await flow('deadline', pipeline, ['--timeout', '4s']);
    expect([code, output?.status.conditions[0].reason]).toEqual([1, 'PipelineRunTimeout']);
    expect(stderr).not.toContain('after ran');
    expect(output?.status.conditions[0].message).toContain('failed to finish within "4s"');
  });
});

describe('a task', () => {
  test.concurrent.each([
    ['its own', 'exit 42', 42, 'Error'],
    ['of a signal', 'kill -TERM $$', 143, 'Error'],
    ['of a program that is not there', 'exec /no/such/program', 127, 'Error'],
  ])('ends with the exit code that is %s', async (what, script, exitCode, reason) => {
    const name = `exit-${what.replaceAll(' ', '-')}`;
    const { code, output } = await run(name, taskOf('exit', [{ name: 'main', script }, 'echo never']));
    expect(code).toBe(1);
    expect(output?.status).toMatchObject({
      conditions: [{ reason: 'StepFailed', message: `"step-main" exited with code ${exitCode}: Error` }],
      steps: [
        { name: 'main', container: 'step-main', terminated: { exitCode, reason } },
        { terminationReason: 'Skipped', terminated: { exitCode: 1 } },
      ],
    });
  });

  test.concurrent('whose program does not exist says so', async () => {
    const { code, output } = await run('nothing', taskOf('nothing', [{ command: ['no-such-program'] }]));
    expect(code).toBe(1);
    expect(output?.status.steps).toMatchObject([{ terminated: { exitCode: 127 } }]);
  });

  test.concurrent('whose result is too large, or of another type, fails', async () => {
    const big = taskOf('big', ['head -c 1100000 /dev/zero | tr "\\0" x > $(results.r.path)'], {
      results: [{ name: 'r' }],
    });
    const list = taskOf('list', ['echo no list > $(results.r.path)'], { results: [{ name: 'r', type: 'array' }] });
    const [tooBig, noList] = [await run('big', big), await run('list', list)];
    expect([tooBig.code, tooBig.output?.status.conditions[0].reason]).toEqual([
      1,
      'TaskRunResultLargerThanAllowedLimit',
    ]);
    expect([noList.code, noList.output?.status.conditions[0].status]).toEqual([1, 'False']);
  });

  test.concurrent('a result of a megabyte reaches the next task', async () => {
    const size = 1_000_000;
    const pipeline = pipelineOf('large', {
      tasks: [
        { name: 'make', ...makes(`head -c ${size} /dev/zero | tr "\\0" x > $(results.r.path)`) },
        {
          name: 'use',
          params: [{ name: 'p', value: '$(tasks.make.results.r)' }],
          taskSpec: specOf(['cat > /tmp/p <<EOF\n$(params.p)\nEOF\nwc -c < /tmp/p'], { params: [{ name: 'p' }] }),
        },
      ],
    });
    const { code, stderr } = await run('large', pipeline);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`[use : unnamed-0] ${size + 1}`)]);
  });
});

describe('what is wrong is exit 2, and nothing is made', () => {
  const pipeline = (task: object, more: object = {}) =>
    pipelineOf('bad', { tasks: [{ name: 'a', ...says('true'), ...task }], ...more });
  test.each([
    ['broken YAML', 'kind: [', [], 'yaml-syntax'],
    ['an unknown field', taskOf('bad', [{ script: 'true', scirpt: 'x' }]), [], 'unknown-field'],
    [
      'what is not supported yet',
      pipeline({ matrix: { params: [{ name: 'x', value: ['1'] }] } }),
      [],
      'unsupported-field',
    ],
    ['a cycle', pipeline({ runAfter: ['a'] }), [], 'cycle'],
    ['a result of nobody', pipeline({ params: [{ name: 'p', value: '$(tasks.b.results.r)' }] }), [], 'unknown-task'],
    ['a param without a value', taskOf('bad', ['true'], { params: [{ name: 'p' }] }), [], 'missing-param'],
    [
      'a workspace without a binding',
      taskOf('bad', ['true'], { workspaces: [{ name: 'w' }] }),
      [],
      'missing-workspace',
    ],
    ['a binding that is none', taskOf('bad', ['true']), ['-w', 'w=what'], 'Usage'],
    ['a pod template that is none', taskOf('bad', ['true']), ['--pod-template', 'package.json'], 'unknown-field'],
    ['a timeout that is none', taskOf('bad', ['true']), ['--timeout', 'soon'], 'duration'],
    ['an unknown option', taskOf('bad', ['true']), ['--podz', 'run'], 'Usage'],
    ['a name that Kubernetes does not take', taskOf('bad', ['true']), ['--name', 'Not_A_Name'], 'name'],
  ])('%s', async (_, object, more, finding) => {
    const file = await space.file('bad.yaml', object);
    const { code, output, stderr } = await space.run([file, '--name', 'wrong', ...more]);
    expect([code, output, stderr]).toEqual([2, undefined, expect.stringContaining(finding)]);
    expect((await space.objects()).filter((made) => made.includes('wrong'))).toEqual([]);
    const planned = await space.cli(['plan', file, ...more]);
    expect(planned.code).toBe(2);
  });
});
