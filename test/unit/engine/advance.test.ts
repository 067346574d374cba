import { expect, test } from 'vitest';
import { pendingActions, RUN, rebuild, SKIP, TASK } from 'waybill/engine';
import { planOf } from './fixture.ts';
import { Machine, shown } from './machine.ts';

const reasons = ({ state }: Machine): string[] => state.nodes.map(({ reason }) => reason);
const never = { input: ['a'], operator: 'in', values: [{ text: ['b'] }] } as const;

test('tasks start when their needs are done, and the run succeeds', () => {
  const run = new Machine(planOf([{ name: 'a' }, { name: 'b' }, { name: 'c', needs: [0, 1] }]));
  expect(shown(run.begin())).toEqual(['start 0/1', 'start 1/1']);
  run.created(0);
  expect(shown(run.succeeded(0))).toEqual([]);
  expect(shown(run.succeeded(1))).toEqual(['start 2/1']);
  expect(shown(run.succeeded(2))).toEqual(['finish']);
  expect(run.state.condition).toEqual({
    status: 'True',
    reason: RUN.succeeded,
    message: 'Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0',
  });
  expect(run.state.nodes[0]?.pod).toBe('p0-1');
});

test('a false condition skips one task and lets its children run; what needs its results is skipped', () => {
  const uses = [{ text: [{ task: 0, result: 'r' }] }];
  const plan = planOf([
    { name: 'a', when: [never] },
    { name: 'b', needs: [0] },
    { name: 'c', needs: [0], resultsOf: [0], params: [{ name: 'p', value: { kind: 'array', items: uses } }] },
    { name: 'd', needs: [2] },
  ]);
  const run = new Machine(plan);
  expect(shown(run.begin())).toEqual(['start 1/1']);
  expect(reasons(run)).toEqual([SKIP.when, '', SKIP.results, SKIP.parent]);
  run.succeeded(1);
  expect(run.state.condition).toMatchObject({ status: 'True', reason: RUN.completed });
});

test('a group whose tasks are all skipped has no pod', () => {
  const plan = planOf(
    [
      { name: 'a', when: [never] },
      { name: 'b', needs: [0], when: [never] },
    ],
    {},
    [[0, 1]],
  );
  const run = new Machine(plan);
  expect(shown(run.begin())).toEqual(['finish']);
});

test('a failure stops the run: running tasks go on, the others are skipped, finally runs', () => {
  const plan = planOf(
    [
      { name: 'a' },
      { name: 'b' },
      { name: 'c', needs: [1] },
      { name: 'd', needs: [0] },
      { name: 'last', finally: true },
    ],
    {},
    [[0], [1, 2], [3], [4]],
  );
  const run = new Machine(plan);
  run.begin();
  run.started(1);
  expect(shown(run.failed(0))).toEqual(['drain 1/1']);
  expect(run.state.phase).toBe('stopping');
  expect(run.state.nodes[3]).toMatchObject({ phase: 'skipped', reason: SKIP.stopping });
  run.succeeded(1);
  expect(shown(run.skipped(2, SKIP.stopping))).toEqual(['start 3/1']);
  run.succeeded(4);
  expect(run.state.condition).toEqual({
    status: 'False',
    reason: RUN.failed,
    message: 'Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 2',
  });
});

test('a failure that is to be ignored lets the run go on and succeed', () => {
  const run = new Machine(
    planOf([
      { name: 'a', onError: 'continue' },
      { name: 'b', needs: [0] },
    ]),
  );
  run.begin();
  expect(shown(run.failed(0))).toEqual(['start 1/1']);
  run.succeeded(1);
  expect(reasons(run)).toEqual([TASK.ignored, TASK.succeeded]);
  expect(run.state.condition).toMatchObject({
    status: 'True',
    message: 'Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0',
  });
});

test('retries use new pods and keep the earlier attempts', () => {
  const run = new Machine(planOf([{ name: 'a', retries: 1 }]));
  run.begin();
  run.created(0);
  expect(shown(run.failed(0, { r: 'one' }))).toEqual(['start 0/2']);
  expect(run.state.nodes[0]).toMatchObject({
    phase: 'pending',
    pod: null,
    retries: [{ pod: 'p0-1', results: { r: 'one' } }],
  });
  run.created(0);
  run.failed(0);
  expect(run.state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'StepFailed', pod: 'p0-2' });
  expect(run.state.condition?.reason).toBe(RUN.failed);
});

test('a result that a finished task did not write fails the run', () => {
  const plan = planOf([
    { name: 'a' },
    { name: 'b', needs: [0], params: [{ name: 'p', value: { kind: 'string', text: [{ task: 0, result: 'r' }] } }] },
    { name: 'last', finally: true, when: [{ input: [{ task: 0, result: 'r' }], operator: 'in', values: [] }] },
  ]);
  const run = new Machine(plan);
  run.begin();
  expect(shown(run.succeeded(0))).toEqual(['finish']);
  expect(reasons(run)).toEqual([TASK.succeeded, TASK.badReference, SKIP.results]);
  expect(run.state.condition).toMatchObject({ status: 'False', reason: RUN.badReference });
});

test('with onError: continue a missing result skips, whoever finds it out', () => {
  const params = [{ name: 'p', value: { kind: 'string' as const, text: [{ task: 0, result: 'r' }] } }];
  const nodes = [{ name: 'a' }, { name: 'b', needs: [0], onError: 'continue' as const, params }];
  const outside = new Machine(planOf(nodes));
  outside.begin();
  outside.succeeded(0);
  expect(reasons(outside)).toEqual([TASK.succeeded, SKIP.results]);
  const inside = new Machine(planOf(nodes, {}, [[0, 1]]));
  inside.begin();
  inside.succeeded(0);
  inside.failed(1, {}, TASK.badReference);
  expect(inside.state.nodes[1]).toMatchObject({ phase: 'skipped', reason: SKIP.results });
  const strict = new Machine(planOf([{ name: 'a' }, { name: 'b', needs: [0], params }], {}, [[0, 1]]));
  strict.begin();
  strict.succeeded(0);
  strict.failed(1, {}, TASK.badReference);
  expect(strict.state.condition?.reason).toBe(RUN.badReference);
});

test('finally sees states, reasons and the aggregate', () => {
  const is = (input: object, value: string) =>
    ({ input: [input as never], operator: 'in', values: [{ text: [value] }] }) as const;
  const plan = planOf([
    { name: 'a', onError: 'continue' },
    { name: 'b', when: [never] },
    {
      name: 'l',
      finally: true,
      when: [is({ status: 0 }, 'Failed'), is({ status: 1 }, 'None'), is({ reason: 0 }, TASK.ignored)],
    },
    { name: 'm', finally: true, when: [is({ status: 'all' }, 'Succeeded')] },
  ]);
  const run = new Machine(plan);
  run.begin();
  expect(shown(run.failed(0))).toEqual(['start 2/1']);
  expect(run.state.nodes[3]).toMatchObject({ phase: 'skipped', reason: SKIP.when });
});

test.each([
  ['StoppedRunFinally', SKIP.stopped, 'running', []],
  ['CancelledRunFinally', SKIP.cancelled, 'cancelled', ['stop 0/1', 'start 2/1']],
] as const)('%s ends the DAG and runs finally', (mode, skip, phase, actions) => {
  const run = new Machine(planOf([{ name: 'a' }, { name: 'b', needs: [0] }, { name: 'last', finally: true }]));
  run.begin();
  run.started(0);
  expect(shown(run.cancel(mode))).toEqual(actions);
  expect(run.state.nodes[0]?.phase).toBe(phase);
  expect(run.state.nodes[1]).toMatchObject({ phase: 'skipped', reason: skip });
  run.succeeded(0);
  run.succeeded(2);
  expect(run.state.condition).toMatchObject({ status: 'False', reason: RUN.cancelled });
});

test('Cancelled ends everything at once', () => {
  const run = new Machine(planOf([{ name: 'a' }, { name: 'b', needs: [0] }, { name: 'last', finally: true }]));
  run.begin();
  expect(shown(run.cancel('Cancelled'))).toEqual(['stop 0/1', 'finish']);
  expect(run.phases()).toBe('cancelled skipped skipped');
  expect(run.state.condition?.reason).toBe(RUN.cancelled);
  // A pod whose creation was on its way is stopped when it appears.
  expect(shown(run.created(0))).toEqual(['stop 0/1']);
});

test('a TaskRun says what its task says', () => {
  const run = new Machine(planOf([{ name: 'a' }], { kind: 'TaskRun' }));
  run.begin();
  run.succeeded(0, { sum: '4' });
  expect(run.state.condition).toEqual({
    status: 'True',
    reason: TASK.succeeded,
    message: 'All Steps have completed executing',
  });
  expect(run.state.results).toEqual([{ name: 'sum', value: '4' }]);
  const cancelled = new Machine(planOf([{ name: 'a' }], { kind: 'TaskRun' }));
  cancelled.begin();
  cancelled.cancel('StoppedRunFinally');
  expect(cancelled.state.condition?.reason).toBe(TASK.cancelled);
  expect(cancelled.state.nodes[0]?.reason).toBe(TASK.cancelled);
});

test('pods lost to the infrastructure are replaced twice, with back-off, and cost no retry', () => {
  const run = new Machine(planOf([{ name: 'a', retries: 1 }]));
  run.begin();
  expect(shown(run.lost(0, true))).toEqual(['stop 0/1', 'start 0/2 +1000']);
  expect(shown(run.lost(0, true))).toEqual(['stop 0/2', 'start 0/3 +4000']);
  run.lost(0, true, 'FailedPostStartHook');
  expect(run.state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'FailedPostStartHook', retries: [] });
});

test('a pod lost in mid-run fails what had started; the rest gets a new pod', () => {
  const plan = planOf([{ name: 'a' }, { name: 'b', onError: 'continue' }, { name: 'c', needs: [0] }], {}, [[0, 1, 2]]);
  const run = new Machine(plan);
  run.begin();
  run.created(0);
  run.started(0);
  run.succeeded(0);
  run.started(1);
  expect(shown(run.lost(0, false))).toEqual(['stop 0/1', 'start 0/2']);
  expect(run.phases()).toBe('succeeded failed pending');
  expect(run.state.nodes[1]?.reason).toBe('PodDeleted');
});

test('a task that its agent cancelled, and the engine did not, lost its pod', () => {
  const run = new Machine(planOf([{ name: 'a' }]));
  run.begin();
  run.created(0);
  run.started(0);
  run.failed(0, {}, TASK.cancelled);
  expect(run.state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'PodDeleted' });
});

test('a lost pod in which nothing had started fails those to blame, so that there is an end', () => {
  const plan = planOf(
    [
      { name: 'a', onError: 'continue' },
      { name: 'b', needs: [0] },
    ],
    {},
    [[0, 1]],
  );
  const blamed = new Machine(plan);
  blamed.begin();
  blamed.lost(0, false, 'TaskRunImagePullFailed', [1]);
  expect(blamed.phases()).toBe('skipped failed');
  const roots = new Machine(plan);
  roots.begin();
  expect(shown(roots.lost(0, false, 'Evicted'))).toEqual(['stop 0/1', 'start 0/2']);
  expect(roots.phases()).toBe('failed pending');
});

test('timeouts: of a task with its retry, of the tasks, of finally, of the run', () => {
  const task = new Machine(planOf([{ name: 'a', timeout: 100, retries: 1 }]));
  task.begin();
  expect(task.actions).toContainEqual({ kind: 'wake', at: 1100 });
  // A timer that fires early is told to come again.
  expect(task.tick(99)).toEqual([{ kind: 'wake', at: 1100 }]);
  expect(shown(task.tick(1))).toEqual(['stop 0/1', 'start 0/2']);
  task.tick(100);
  expect(task.state.nodes[0]).toMatchObject({ phase: 'failed', reason: TASK.timeout });

  const plan = planOf([{ name: 'a' }, { name: 'b', needs: [0] }, { name: 'last', finally: true }], {
    timeouts: { pipeline: 1000, tasks: 600 },
  });
  const tasks = new Machine(plan);
  tasks.begin();
  expect(shown(tasks.tick(600))).toEqual(['stop 0/1', 'start 2/1']);
  expect(reasons(tasks)).toEqual([TASK.cancelled, SKIP.tasksTimeout, '']);
  tasks.succeeded(2);
  expect(tasks.state.condition?.reason).toBe(RUN.timeout);

  const last = new Machine(plan);
  last.begin();
  last.succeeded(0);
  last.succeeded(1);
  expect(shown(last.tick(400))).toEqual(['stop 2/1', 'finish']);

  const all = new Machine(plan);
  all.begin();
  expect(shown(all.tick(1000))).toEqual(['stop 0/1', 'finish']);
  expect(all.state.condition?.reason).toBe(RUN.timeout);
  expect(reasons(all)).toEqual([TASK.cancelled, SKIP.pipelineTimeout, SKIP.pipelineTimeout]);
});

test('results of the run: those of skipped and failed tasks are left out, a missing one of a finished task fails', () => {
  const result = (name: string, task: number) => ({
    name,
    type: 'string' as const,
    value: { kind: 'string' as const, text: [{ task, result: 'r' }] },
  });
  const nodes = [{ name: 'a' }, { name: 'b', when: [never] }, { name: 'c', onError: 'continue' as const }];
  const good = new Machine(planOf(nodes, { results: [result('x', 0), result('y', 1), result('z', 2)] }));
  good.begin();
  good.succeeded(0, { r: '1' });
  good.failed(2, { r: '3' });
  expect(good.state.results).toEqual([
    { name: 'x', value: '1' },
    { name: 'z', value: '3' },
  ]);
  const bad = new Machine(planOf([{ name: 'a' }], { results: [result('x', 0)] }));
  bad.begin();
  bad.succeeded(0);
  expect(bad.state.condition).toMatchObject({ status: 'False', reason: RUN.badResult });
});

test('the closing snapshot brings what was lost on the way, once', () => {
  const run = new Machine(planOf([{ name: 'a' }, { name: 'b', needs: [0] }], {}, [[0, 1]]));
  run.begin();
  run.created(0);
  const time = '2026-01-01T00:00:00.000Z';
  const task = (id: number) => ({
    task: id,
    outcome: 'succeeded' as const,
    reason: 'Succeeded',
    results: { r: `${id}` },
    startedAt: time,
    finishedAt: time,
    steps: [{ exitCode: 0, reason: 'Completed' as const, startedAt: time, finishedAt: time }],
  });
  run.succeeded(0);
  expect(shown(run.send({ kind: 'snapshot', group: 0, attempt: 1, at: 5000, tasks: [task(0), task(1)] }))).toEqual([
    'finish',
  ]);
  expect(run.state.nodes[1]).toMatchObject({ phase: 'succeeded', results: { r: '1' }, startedAt: Date.parse(time) });
  expect(run.state.nodes[0]?.steps[0]).toMatchObject({ phase: 'finished', exitCode: 0 });
});

test('a pod that is stopped from outside skips tasks in vain: they get a new pod', () => {
  const run = new Machine(
    planOf(
      [
        { name: 'a', onError: 'continue' },
        { name: 'b', needs: [0] },
      ],
      {},
      [[0, 1]],
    ),
  );
  run.begin();
  run.created(0);
  run.started(0);
  run.failed(0, {}, TASK.cancelled);
  run.skipped(1, SKIP.stopping);
  expect(run.phases()).toBe('failed pending');
  expect(run.state.nodes[0]?.reason).toBe('PodDeleted');
  const task = { finishedAt: '2026-01-01T00:00:00.000Z', steps: [] };
  const tasks = [
    { ...task, task: 0, outcome: 'failed' as const, reason: TASK.cancelled },
    { ...task, task: 1, outcome: 'skipped' as const, reason: SKIP.stopping },
  ];
  expect(shown(run.send({ kind: 'snapshot', group: 0, attempt: 1, at: 5000, tasks }))).toEqual([
    'stop 0/1',
    'start 0/2 +1000',
  ]);
});

test('late and repeated events give the same state object', () => {
  const run = new Machine(
    planOf([
      { name: 'a', retries: 1 },
      { name: 'b', needs: [0] },
    ]),
  );
  run.begin();
  run.created(0);
  run.failed(0);
  const before = run.state;
  for (const event of [...run.log]) {
    run.send(event);
    expect(run.state).toBe(before);
  }
  expect(rebuild(run.plan, run.log)).toEqual(before);
});

test('a task that waits for another one in its pod is not timed before its turn', () => {
  const nodes = [
    { name: 'a', timeout: 500 },
    { name: 'b', timeout: 50, needs: [0] },
  ];
  const run = new Machine(planOf(nodes, {}, [[0, 1]]));
  run.begin();
  run.created(0);
  run.tick(100);
  expect(run.state.nodes.map(({ phase }) => phase)).not.toContain('failed');
  run.tick(500);
  expect(run.state.nodes[0]).toMatchObject({ phase: 'failed', reason: TASK.timeout });
  expect(run.state.nodes[1]).toMatchObject({ phase: 'skipped' });
});

test('a driver that takes over is told what is to be done', () => {
  const run = new Machine(planOf([{ name: 'a', timeout: 50 }, { name: 'b' }]));
  run.begin();
  run.created(1);
  expect(pendingActions(run.plan, run.state, 2000)).toEqual([
    { kind: 'start', group: 0, attempt: 1, delay: 0 },
    { kind: 'wake', at: 1050 },
  ]);
});

test('a loss that would hit every pod is tried once, and uses no retry', () => {
  const run = new Machine(
    planOf([
      { name: 'a', retries: 2 },
      { name: 'last', finally: true },
    ]),
  );
  run.begin();
  run.created(0);
  const final = { reason: 'TaskRunImagePullFailed', message: 'no image', infrastructure: true, final: true } as const;
  expect(shown(run.send({ kind: 'podLost', group: 0, attempt: 1, ...final, at: run.now }))).toEqual([
    'stop 0/1',
    'start 1/1',
  ]);
  expect(run.state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'TaskRunImagePullFailed', retries: [] });
});

test('tasks that were lost with one pod all fail, whichever comes first', () => {
  const run = new Machine(planOf([{ name: 'a' }, { name: 'b' }, { name: 'c', needs: [0] }], {}, [[0, 1, 2]]));
  run.begin();
  run.created(0);
  run.started(0);
  run.started(1);
  run.lost(0, true, 'AgentFailed');
  expect(run.phases()).toBe('failed failed skipped');
  expect(reasons(run)).toEqual(['AgentFailed', 'AgentFailed', SKIP.stopping]);
});

test('nothing ends before it starts, whatever the clocks of nodes say', () => {
  const plan = planOf([{ name: 'a' }]);
  const state = rebuild(plan, [
    { kind: 'begin', at: 1000 },
    { kind: 'podCreated', group: 0, attempt: 1, pod: 'p', uid: 'u', at: 1001 },
    { kind: 'stepStarted', group: 0, attempt: 1, task: 0, step: 0, at: 500 },
    { kind: 'stepFinished', group: 0, attempt: 1, task: 0, step: 0, exitCode: 0, reason: 'Completed', at: 400 },
    { kind: 'taskFinished', group: 0, attempt: 1, task: 0, outcome: 'succeeded', reason: 'Succeeded', at: 600 },
  ]);
  const [node] = state.nodes;
  expect(node?.phase).toBe('succeeded');
  expect(node?.finishedAt).toBeGreaterThanOrEqual(node?.startedAt ?? Number.NaN);
  expect(node?.startedAt).toBeGreaterThanOrEqual(1000);
  const [step] = node?.steps ?? [];
  expect(step?.finishedAt).toBeGreaterThanOrEqual(step?.startedAt ?? Number.NaN);
  expect(state.finishedAt).toBeGreaterThanOrEqual(1000);
});
