import { expect, test } from 'vitest';
import { pipelineRunOf, SKIP, taskRunOf } from 'waybill/engine';
import { planOf, step } from './fixture.ts';
import { Machine } from './machine.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const source = { kind: 'Task', name: 'build', uri: 'reg.example/ci/go', digest, entryPoint: 'build' } as const;

test('a TaskRun has the status that Tekton gives it', () => {
  const run = new Machine(
    planOf([{ name: 'build', retries: 1, source, steps: [step('one'), step('two')] }], { kind: 'TaskRun' }),
  );
  run.begin();
  run.created(0);
  run.failed(0);
  run.created(0);
  const place = { group: 0, attempt: 2, task: 0 };
  run.send({ kind: 'stepStarted', ...place, step: 0, at: 60_000 });
  run.send({ kind: 'stepFinished', ...place, step: 0, at: 61_000, exitCode: 0, reason: 'Completed' });
  run.succeeded(0, { digest: 'abc' });
  const { metadata, status } = taskRunOf(run.plan, run.state, 0, { uid: 'u1', createdAt: 0 });
  expect(metadata).toMatchObject({ name: 'run', uid: 'u1', creationTimestamp: '1970-01-01T00:00:00Z' });
  expect(status).toMatchObject({
    podName: 'p0-2',
    conditions: [{ type: 'Succeeded', status: 'True', reason: 'Succeeded' }],
    results: [{ name: 'digest', type: 'string', value: 'abc' }],
    steps: [
      {
        name: 'one',
        container: 'step-one',
        terminationReason: 'Completed',
        terminated: { exitCode: 0, startedAt: '1970-01-01T00:01:00Z' },
      },
      { name: 'two', container: 'step-two' },
    ],
    retriesStatus: [{ podName: 'p0-1', conditions: [{ status: 'False', reason: 'StepFailed' }] }],
    provenance: { refSource: { uri: source.uri, digest: { sha256: 'a'.repeat(64) }, entryPoint: 'build' } },
  });
});

test('a PipelineRun names its children, what was skipped, and its results', () => {
  const plan = planOf(
    [
      { name: 'a', displayName: 'First' },
      { name: 'b', needs: [0], when: [{ input: ['x'], operator: 'in', values: [] }] },
      { name: 'last', finally: true },
    ],
    { results: [{ name: 'out', type: 'string', value: { kind: 'string', text: ['v', { task: 0, result: 'r' }] } }] },
  );
  const run = new Machine(plan);
  run.begin();
  const running = pipelineRunOf(plan, run.state, { uid: 'u1' }).status;
  expect(running).toMatchObject({ conditions: [{ status: 'Unknown', reason: 'Running' }] });
  run.succeeded(0, { r: '1' });
  run.succeeded(2);
  const { status } = pipelineRunOf(plan, run.state, { uid: 'u1' });
  expect(status).toMatchObject({
    conditions: [{ status: 'True', reason: 'Completed' }],
    childReferences: [
      { kind: 'TaskRun', name: 'run-a', pipelineTaskName: 'a', displayName: 'First' },
      { kind: 'TaskRun', name: 'run-last', pipelineTaskName: 'last' },
    ],
    skippedTasks: [{ name: 'b', reason: SKIP.when }],
    results: [{ name: 'out', value: 'v1' }],
  });
  expect(taskRunOf(plan, run.state, 0, { uid: 'u1' }).metadata).toMatchObject({
    name: 'run-a',
    labels: { 'tekton.dev/pipelineRun': 'run', 'tekton.dev/memberOf': 'tasks' },
  });
});

test('a run says how its workspaces were bound', () => {
  const workspaces = [
    { name: 'a', kind: 'emptyDir', emptyDir: {} },
    { name: 'b', kind: 'claim', claimName: 'c', readOnly: true, subPath: 'd' },
  ] as const;
  const { plan, state } = new Machine(planOf([{ name: 't' }], { workspaces }));
  expect(pipelineRunOf(plan, state, { uid: 'u' }).spec.workspaces).toEqual([
    { name: 'a', emptyDir: {} },
    { name: 'b', subPath: 'd', persistentVolumeClaim: { claimName: 'c', readOnly: true } },
  ]);
});
