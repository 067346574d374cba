import { describe, expect, test } from 'vitest';
import { compile, describePlan, planDigest } from '../../../src/plan/index.ts';
import type { PipelineTask, Step } from '../../../src/tekton/index.ts';
import { compilePipeline, findings, planOf, run, task } from './objects.ts';

/** An embedded task that writes results `r` (string), `l` (array) and `o` (object), with one step. */
const embedded = (name: string, more: Partial<PipelineTask> = {}, step: Partial<Step> = {}): PipelineTask => ({
  name,
  taskSpec: {
    results: [
      { name: 'r', type: 'string' },
      { name: 'l', type: 'array' },
      { name: 'o', type: 'object', properties: { k: {} } },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
    steps: [{ name: 'main', image: 'img', script: 'true', ...step }],
  },
  ...more,
});

describe('order', () => {
  test('ids are in topological order, finally last; needs come from runAfter and results', () => {
    const plan = planOf(
      compilePipeline({
        tasks: [
          embedded('c', { runAfter: ['b'], params: [{ name: 'p', value: '$(tasks.a.results.r)' }] }),
          embedded('a'),
          embedded('b', { when: [{ input: '$(tasks.a.results.r)', operator: 'in', values: ['x'] }] }),
        ],
        finally: [embedded('f', {}, { script: 'echo $(tasks.b.results.r)' })],
      }),
    );
    expect(plan.nodes.map(({ name, needs, resultsOf }) => [name, needs, resultsOf])).toEqual([
      ['a', [], []],
      ['b', [0], [0]],
      ['c', [0, 1], [0]],
      ['f', [], [1]],
    ]);
    expect(plan.nodes.map(({ runName }) => runName)).toEqual(['run-1-a', 'run-1-b', 'run-1-c', 'run-1-f']);
    expect(plan.groups.map(({ nodes, needs }) => [nodes, needs])).toEqual([
      [[0], []],
      [[1], [0]],
      [[2], [0, 1]],
      [[3], [0, 1, 2]],
    ]);
  });

  test('a cycle is a finding', () => {
    const result = compilePipeline({ tasks: [embedded('a', { runAfter: ['b'] }), embedded('b', { runAfter: ['a'] })] });
    expect(findings(result)).toEqual(['error cycle spec.tasks.0']);
  });

  test('a description that speaks of a task is no edge', () => {
    const a = embedded('a', { description: 'like $(tasks.b.results.r)' });
    expect(planOf(compilePipeline({ tasks: [a, embedded('b')] })).nodes[0]?.name).toBe('a');
  });
});

describe('results', () => {
  test('reach the params, steps and conditions of other tasks as references', () => {
    const reader = task({
      params: [
        { name: 's', type: 'string' },
        { name: 'l', type: 'array' },
        { name: 'o', type: 'object', properties: { k: {} } },
      ],
      steps: [
        {
          image: 'i',
          script: 'echo $(params.s) $(params.o.k) $(params.l[1])',
          args: ['$(params.l[*])'],
        },
      ],
    });
    const plan = planOf(
      compilePipeline(
        {
          tasks: [
            embedded('a'),
            {
              name: 'b',
              taskRef: { name: 'reader' },
              params: [
                { name: 's', value: 'v$(tasks.a.results.r)' },
                { name: 'l', value: '$(tasks.a.results.l[*])' },
                { name: 'o', value: '$(tasks.a.results.o[*])' },
              ],
              when: [{ input: 'x', operator: 'notin', values: ['$(tasks.a.results.l[*])', '$(tasks.a.results.o.k)'] }],
            },
          ],
          results: [
            { name: 'digest', value: '$(tasks.a.results.r)' },
            { name: 'list', type: 'array', value: '$(tasks.a.results.l[*])' },
          ],
        },
        {},
        { b: reader },
      ),
    );
    const node = plan.nodes[1];
    expect(node?.steps[0]?.script).toEqual([
      'echo v',
      { task: 0, result: 'r' },
      ' ',
      { task: 0, result: 'o', key: 'k' },
      ' ',
      { task: 0, result: 'l', index: 1 },
    ]);
    expect(node?.steps[0]?.args).toEqual([{ splat: { task: 0, result: 'l' } }]);
    expect(node?.params.map(({ value }) => value.kind)).toEqual(['string', 'array', 'whole']);
    expect(node?.when[0]?.values).toEqual([
      { splat: { task: 0, result: 'l' } },
      { text: [{ task: 0, result: 'o', key: 'k' }] },
    ]);
    expect(plan.results).toEqual([
      { name: 'digest', type: 'string', value: { kind: 'string', text: [{ task: 0, result: 'r' }] } },
      { name: 'list', type: 'array', value: { kind: 'array', items: [{ splat: { task: 0, result: 'l' } }] } },
    ]);
  });

  test.each([
    ['unknown-task', '$(tasks.nope.results.r)'],
    ['unknown-result', '$(tasks.a.results.nope)'],
    ['result-type', '$(tasks.a.results.l)'],
    ['result-type', '$(tasks.a.results.r[0])'],
    ['unknown-variable', '$(tasks.a.status)'],
    ['unsupported-variable', '$(tasks.a.matrix.length)'],
    ['unknown-workspace', '$(workspaces.nope.bound)'],
    ['unknown-param', '$(params.nope)'],
  ])('%s: %s', (code, value) => {
    const result = compilePipeline({ tasks: [embedded('a'), embedded('b', { params: [{ name: 'p', value }] })] });
    expect(findings(result)).toEqual([`error ${code} spec.tasks.1.params.0.value`]);
  });

  test('only results of the Pipeline see finally tasks', () => {
    const tasks = [embedded('a')];
    const good = compilePipeline({
      tasks,
      finally: [embedded('f')],
      results: [{ name: 'x', value: '$(finally.f.results.r)' }],
    });
    expect(planOf(good).results[0]?.value).toEqual({ kind: 'string', text: [{ task: 1, result: 'r' }] });
    const bad = compilePipeline({
      tasks,
      finally: [embedded('f'), embedded('g', { params: [{ name: 'p', value: '$(finally.f.results.r)' }] })],
    });
    expect(findings(bad)).toEqual(['error unknown-task spec.finally.1.params.0.value']);
  });
});

test('finally tasks see states, everybody sees the context', () => {
  const params = [
    { name: 'all', value: '$(tasks.status) $(tasks.a.status) $(tasks.a.reason)' },
    { name: 'ctx', value: '$(context.pipelineRun.name) $(context.pipeline.name) $(context.pipelineTask.retries)' },
    { name: 'count', value: '$(context.task.retry-count)' },
  ];
  const plan = planOf(compilePipeline({ tasks: [embedded('a')], finally: [embedded('f', { params, retries: 3 })] }));
  expect(plan.nodes[1]?.params.map(({ value }) => (value.kind === 'string' ? value.text : []))).toEqual([
    [{ status: 'all' }, ' ', { status: 0 }, ' ', { reason: 0 }],
    ['run-1 release 3'],
    [{ retryCount: true }],
  ]);
});

describe('embedded specs', () => {
  const spec = (more: Partial<PipelineTask>, script: string) => ({
    params: [
      { name: 'HELLO', type: 'string' } as const,
      { name: 'repo', type: 'object', properties: { url: {}, commit: {} } } as const,
    ],
    tasks: [embedded('t', more, { script })],
  });
  const given = {
    params: [
      { name: 'HELLO', value: 'outer' },
      { name: 'repo', value: { url: 'abc.com', commit: 'sha123' } },
    ],
  };

  test('see the params of their Pipeline; the inner one wins, a default loses', () => {
    const outer = planOf(compilePipeline(spec({}, '$(params.HELLO)'), given));
    expect(outer.nodes[0]?.steps[0]?.script).toEqual(['outer']);
    const inner = planOf(
      compilePipeline(spec({ params: [{ name: 'HELLO', value: 'inner' }] }, '$(params.HELLO)'), given),
    );
    expect(inner.nodes[0]?.steps[0]?.script).toEqual(['inner']);
    const { taskSpec, ...rest } = embedded('t', {}, { script: '$(params.HELLO)' });
    const withDefault = {
      ...spec({}, ''),
      tasks: [
        { ...rest, taskSpec: { ...taskSpec!, params: [{ name: 'HELLO', type: 'string', default: 'd' } as const] } },
      ],
    };
    expect(planOf(compilePipeline(withDefault, given)).nodes[0]?.steps[0]?.script).toEqual(['outer']);
  });

  test('keys of an outer object shine through', () => {
    const params = [{ name: 'repo', value: { branch: 'main', url: 'xyz.com' } }];
    const script = '$(params.repo.url) $(params.repo.commit) $(params.repo.branch)';
    const plan = planOf(compilePipeline(spec({ params }, script), given));
    expect(plan.nodes[0]?.steps[0]?.script).toEqual(['xyz.com sha123 main']);
  });

  test('see workspaces of the run, results and the context of the Pipeline', () => {
    const script = '$(workspaces.shared.path) $(context.pipelineRun.name) $(tasks.a.results.r)';
    const plan = planOf(
      compilePipeline(
        { workspaces: [{ name: 'shared' }], tasks: [embedded('a'), embedded('b', {}, { script })] },
        { workspaces: [{ name: 'shared', emptyDir: {} }] },
      ),
    );
    expect(plan.nodes[1]?.steps[0]?.script).toEqual(['/workspace/shared run-1 ', { task: 0, result: 'r' }]);
    expect(plan.nodes[1]?.workspaces).toEqual([
      { name: 'shared', mountPath: '/workspace/shared', readOnly: false, workspace: 0 },
    ]);
    expect(plan.nodes[1]?.needs).toEqual([0]);
    expect(plan.nodes[0]?.workspaces).toEqual([]);
  });

  test('a referenced Task sees none of that', () => {
    const reader = task({ steps: [{ image: 'i', script: '$(params.HELLO)' }] });
    const tasks = [{ name: 't', taskRef: { name: 'build' } }];
    const result = compilePipeline({ ...spec({}, ''), tasks }, given, { t: reader });
    expect(findings(result)).toEqual(['error unknown-param spec.steps.0.script']);
    expect(result.diagnostics[0]?.file).toBe('build');
  });
});

describe('referenced tasks', () => {
  const tasks = [{ name: 't', taskRef: { name: 'build' }, params: [{ name: 'extra', value: 'x' }] }];

  test('must be resolved; params that they do not declare are a warning', () => {
    expect(findings(compilePipeline({ tasks }))).toEqual(['error unresolved-task spec.tasks.0.taskRef']);
    expect(findings(compilePipeline({ tasks }, {}, { t: task({}) }))).toEqual([
      'warning unknown-param spec.tasks.0.params.0',
    ]);
  });

  test('the retry count stays as written in their params, as in Tekton', () => {
    const params = [{ name: 'n', value: '$(context.task.retry-count)' }];
    const reader = task({ params: [{ name: 'n', type: 'string' }] });
    const plan = planOf(compilePipeline({ tasks: [{ ...tasks[0]!, params, retries: 1 }] }, {}, { t: reader }));
    expect(plan.nodes[0]?.params[0]?.value).toEqual({ kind: 'string', text: ['$(context.task.retry-count)'] });
  });

  test('workspaces are mapped, with a sub-path that may wait', () => {
    const reader = task({ workspaces: [{ name: 'src' }, { name: 'cache', optional: true }] });
    const spec = (workspaces: PipelineTask['workspaces']) => ({
      workspaces: [{ name: 'shared' }, { name: 'maybe', optional: true }],
      tasks: [embedded('a'), { name: 't', taskRef: { name: 'build' }, workspaces: workspaces ?? [] }],
    });
    const bindings = { workspaces: [{ name: 'shared', emptyDir: {} }] };
    const mapped = [
      { name: 'src', workspace: 'shared', subPath: 'd/$(tasks.a.results.r)' },
      { name: 'cache', workspace: 'maybe' },
    ];
    const plan = planOf(compilePipeline(spec(mapped), { ...bindings, grouping: 'run' }, { t: reader }));
    expect(plan.nodes[1]?.workspaces).toEqual([
      {
        name: 'src',
        mountPath: '/workspace/src',
        readOnly: false,
        workspace: 0,
        subPath: ['d/', { task: 0, result: 'r' }],
      },
      { name: 'cache', mountPath: '/workspace/cache', readOnly: false, workspace: null },
    ]);
    expect(plan.groups.map(({ nodes }) => nodes)).toEqual([[0], [1]]);
    expect(findings(compilePipeline(spec([]), bindings, { t: reader }))).toEqual([
      'error missing-workspace spec.workspaces.0',
    ]);
    expect(findings(compilePipeline(spec(mapped), {}, { t: reader }))).toContain(
      'error missing-workspace spec.workspaces.0',
    );
    const unknown = [
      { name: 'src', workspace: 'shared' },
      { name: 'nope', workspace: 'shared' },
    ];
    expect(findings(compilePipeline(spec(unknown), bindings, { t: reader }))).toEqual([
      'error unknown-workspace spec.tasks.1.workspaces.1',
    ]);
  });
});

describe('timeouts', () => {
  const timeoutsOf = (timeouts: Record<string, string>) =>
    planOf(compilePipeline({ tasks: [embedded('a')], finally: [embedded('f')] }, { timeouts }));

  test.each([
    [{}, { pipeline: 3_600_000 }, [3_600_000, 3_600_000]],
    [{ pipeline: '0' }, { pipeline: 0 }, [3_600_000, 3_600_000]],
    [{ pipeline: '2h', finally: '10m' }, { pipeline: 7_200_000, finally: 600_000 }, [6_600_000, 3_600_000]],
    [{ pipeline: '0', tasks: '0' }, { pipeline: 0, tasks: 0 }, [0, 3_600_000]],
    [{ pipeline: '4h', tasks: '3h' }, { pipeline: 14_400_000, tasks: 10_800_000 }, [10_800_000, 3_600_000]],
  ])('%j', (timeouts, expected, nodes) => {
    const plan = timeoutsOf(timeouts);
    expect(plan.timeouts).toEqual(expected);
    expect(plan.nodes.map(({ timeout }) => timeout)).toEqual(nodes);
  });

  test.each([
    [{ pipeline: '1h', tasks: '50m', finally: '20m' }, 'error bad-timeouts spec.timeouts'],
    [{ pipeline: '1h', tasks: '0' }, 'error bad-timeouts spec.timeouts.tasks'],
    [{ tasks: '2h' }, 'error bad-timeouts spec.timeouts'],
    [{ pipeline: '-1h' }, 'error bad-duration spec.timeouts.pipeline'],
  ])('%j', (timeouts, finding) => {
    expect(findings(compilePipeline({ tasks: [embedded('a')] }, { timeouts }))).toEqual([finding]);
  });

  test("a task's own timeout stands", () => {
    expect(planOf(compilePipeline({ tasks: [embedded('a', { timeout: '30s' })] })).nodes[0]?.timeout).toBe(30_000);
  });
});

describe('pods run', () => {
  const groupsOf = (tasks: PipelineTask[], more = {}) =>
    planOf(compilePipeline({ tasks }, { grouping: 'run', ...more })).groups;
  const alone = (tasks: PipelineTask[], more = {}) => groupsOf(tasks, more).map(({ nodes }) => nodes);

  test('joins what may share', () => {
    const late = { script: 'echo $(tasks.a.results.r)', workingDir: '/$(tasks.a.results.r)' };
    const usual = { securityContext: { capabilities: { add: ['CAP_CHOWN', 'NET_RAW'], drop: ['ALL'] } } };
    expect(alone([embedded('a'), embedded('b', {}, late), embedded('c', {}, usual)])).toEqual([[0, 1, 2]]);
  });

  test.each<[string, PipelineTask]>([
    ['retries', embedded('b', { retries: 1 })],
    ['a late image', embedded('b', {}, { image: '$(tasks.a.results.r)' })],
    ['a late mount', embedded('b', {}, { volumeMounts: [{ name: 'v', mountPath: '/$(tasks.a.results.r)' }] })],
    [
      'a late env source',
      embedded(
        'b',
        {},
        { env: [{ name: 'E', valueFrom: { secretKeyRef: { name: '$(tasks.a.results.r)', key: 'k' } } }] },
      ),
    ],
    ['a privileged step', embedded('b', {}, { securityContext: { privileged: true } })],
    ['a step that may mount', embedded('b', {}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } })],
    [
      'a step that may all',
      embedded('b', {}, { securityContext: { capabilities: { add: ['all'], drop: ['CHOWN'] } } }),
    ],
    ['a step with all of /proc', embedded('b', {}, { securityContext: { procMount: 'Unmasked' } })],
    [
      'a field of the pod',
      embedded('b', {}, { env: [{ name: 'E', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    ],
    [
      'hostPath',
      embedded('b', {
        taskSpec: { steps: [{ image: 'i', script: 'x' }], volumes: [{ name: 'h', hostPath: { path: '/' } }] },
      }),
    ],
  ])('%s is alone', (_, b) => {
    expect(alone([embedded('a'), b, embedded('c')])).toContainEqual([1]);
  });

  test('hostNetwork leaves every task alone', () => {
    expect(alone([embedded('a'), embedded('b')], { podTemplate: { hostNetwork: true } })).toEqual([[0], [1]]);
  });
});

test('fields that are not supported yet are refused', () => {
  const when = [{ cel: "'a' == 'b'" }];
  expect(findings(compilePipeline({ tasks: [embedded('a', { when })] }))).toEqual([
    'error unsupported-field spec.tasks.0.when.0.cel',
  ]);
});

test('the run’s labels are stronger than the Pipeline’s, and the copy of kubectl is left out', () => {
  const object = {
    apiVersion: 'tekton.dev/v1',
    kind: 'Pipeline',
    metadata: {
      name: 'release',
      labels: { a: '1', b: '1' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', x: 'y' },
    },
    spec: { tasks: [embedded('a')] },
  } as const;
  const plan = planOf(
    compile({
      run: run({ kind: 'PipelineRun', labels: { b: '2' } }),
      object: { object, source: { kind: 'Pipeline', name: 'release' } },
    }),
  );
  expect(plan.labels).toEqual({ a: '1', b: '2' });
  expect(plan.annotations).toEqual({ x: 'y' });
});

test('a description names pods, tasks and what they wait for', () => {
  const plan = planOf(
    compilePipeline(
      { tasks: [embedded('a'), embedded('b', {}, { image: 'img@$(tasks.a.results.r)' })] },
      { grouping: 'run' },
    ),
  );
  const description = describePlan(plan);
  expect(description.digest).toBe(planDigest(plan));
  expect(description.pods).toMatchObject([
    { id: 0, needs: [], tasks: [{ name: 'a', needs: [], steps: [{ name: 'main', image: 'img' }] }] },
    { id: 1, needs: [0], tasks: [{ name: 'b', needs: ['a'], steps: [{ image: 'img@$(tasks.a.results.r)' }] }] },
  ]);
  expect(description.pods[1]?.reasons).toHaveLength(1);
});
