import type { ContainerState, ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import type { EngineEvent } from 'waybill/engine';
import { interpretPod, type PodEvent, SUPERVISOR } from 'waybill/pod';
import { planOf, step } from '../engine/fixture.ts';

const plan = planOf(
  [{ name: 'a' }, { name: 'b', steps: [step('main'), step('more')], results: [{ name: 'r', type: 'string' }] }],
  {},
  [[0, 1]],
);
const CREATED = '2026-01-01T00:00:00Z';
const NOW = Date.parse(CREATED) + 5_000;
const PLACE = { group: 0, attempt: 2 };

const container = (name: string, state: ContainerState): ContainerStatus => ({
  name,
  state,
  image: `${name}:1`,
  imageID: '',
  ready: false,
  restartCount: 0,
});

const podWith = (status: Pod['status']): Pod => ({
  metadata: { name: 'p', creationTimestamp: CREATED },
  status: status ?? {},
});

const look = (pod: Pod, { at = NOW, deleted = false } = {}) => interpretPod(plan, pod, PLACE, { at, deleted });

const lossOf = (pod: Pod, options?: Parameters<typeof look>[1]) =>
  look(pod, options).events.find((event) => event.kind === 'podLost');

const ended = (message: string, exitCode = 0, others: ContainerStatus[] = []): Pod =>
  podWith({
    phase: exitCode === 0 ? 'Succeeded' : 'Failed',
    containerStatuses: [container(SUPERVISOR, { terminated: { exitCode, message, reason: 'Error' } }), ...others],
  });

test('events fit the engine', () => {
  const events: readonly PodEvent[] = look(podWith({ phase: 'Failed' })).events;
  expect(events satisfies readonly EngineEvent[]).toHaveLength(1);
});

test('a pod that runs as it should says nothing', () => {
  expect(look(podWith({ phase: 'Running', containerStatuses: [container(SUPERVISOR, { running: {} })] }))).toEqual({
    events: [],
    notices: [],
  });
});

test('the termination message gives outcomes; a success whose results are lost is none', () => {
  const message = JSON.stringify({
    version: 1,
    tasks: [
      { id: 0, outcome: 'succeeded', reason: 'Succeeded', exitCodes: [0] },
      { id: 1, outcome: 'succeeded', reason: 'Succeeded', exitCodes: [0, 0] },
    ],
  });
  const { events } = look(ended(message));
  expect(events.map((event) => [event.kind, 'reason' in event ? event.reason : ''])).toEqual([
    ['stepFinished', 'Completed'],
    ['taskFinished', 'Succeeded'],
    ['stepFinished', 'Completed'],
    ['stepFinished', 'Completed'],
    ['taskFinished', 'ResultsLost'],
    ['podLost', 'OutcomeUnknown'],
  ]);
  expect(events.every(({ group, attempt }) => group === 0 && attempt === 2)).toBe(true);
});

test('out of memory comes from the status', () => {
  const message = JSON.stringify({ version: 1, tasks: [{ id: 0, outcome: 'failed', reason: 'StepFailed' }] });
  const killed = container('step-a-main', { terminated: { exitCode: 137, reason: 'OOMKilled' } });
  expect(look(ended(message, 1, [killed])).events[0]).toMatchObject({
    kind: 'taskFinished',
    task: 0,
    reason: 'StepOOM',
  });
  expect(lossOf(ended('', 1, [killed]))).toMatchObject({ reason: 'StepOOM', tasks: [0], infrastructure: false });
});

test.each([
  ['no message', ended('', 137), { reason: 'AgentFailed', infrastructure: true }],
  [
    'a broken agent',
    ended('waybill: the program has version 2', 2),
    { reason: 'AgentFailed', message: 'waybill: the program has version 2' },
  ],
  ['another version', ended('{"version":2,"tasks":[]}', 1), { reason: 'AgentFailed', infrastructure: true }],
  [
    'a message of many tasks that are not ours',
    ended('{"version":1,"tasks":[{"id":7,"outcome":"succeeded","reason":"x"}]}'),
    { reason: 'OutcomeUnknown' },
  ],
  [
    'eviction',
    podWith({ phase: 'Failed', reason: 'Evicted', message: 'disk' }),
    { reason: 'PodEvicted', infrastructure: false },
  ],
  [
    'its deadline',
    podWith({ phase: 'Failed', reason: 'DeadlineExceeded' }),
    { reason: 'TaskRunTimeout', infrastructure: false },
  ],
  ['a full node', podWith({ phase: 'Failed', reason: 'OutOfcpu' }), { reason: 'OutOfcpu', infrastructure: true }],
  ['a success that nobody saw', podWith({ phase: 'Succeeded' }), { reason: 'AgentFailed', infrastructure: true }],
])('a pod that ended by %s is lost', (_, pod, loss) => {
  expect(look(pod).events).toMatchObject([loss]);
});

test('a deleted pod is lost, unless it had ended', () => {
  expect(lossOf(podWith({ phase: 'Running' }), { deleted: true })).toMatchObject({
    reason: 'PodDeleted',
    infrastructure: false,
  });
  expect(lossOf(podWith({ phase: 'Failed', reason: 'Evicted' }), { deleted: true })).toMatchObject({
    reason: 'PodEvicted',
  });
});

test('an image that cannot be pulled is a notice first, then a loss that names the task', () => {
  const pod = podWith({
    phase: 'Pending',
    containerStatuses: [container('step-b-more', { waiting: { reason: 'ImagePullBackOff', message: 'not found' } })],
  });
  expect(look(pod)).toMatchObject({ events: [], notices: [{ code: 'ImagePullBackOff' }] });
  expect(lossOf(pod, { at: NOW + 60_000 })).toMatchObject({
    reason: 'TaskRunImagePullFailed',
    tasks: [1],
    infrastructure: false,
  });
});

test.each([
  [SUPERVISOR, 'InvalidImageName', { reason: 'TaskRunImagePullFailed', infrastructure: true }],
  ['step-a-main', 'ErrImageNeverPull', { reason: 'TaskRunImagePullFailed', infrastructure: false, tasks: [0] }],
])('%s with %s is lost at once', (name, reason, loss) => {
  expect(
    lossOf(podWith({ phase: 'Pending', containerStatuses: [container(name, { waiting: { reason } })] })),
  ).toMatchObject(loss);
});

test('a configuration that stays wrong keeps Kubernetes’ reason', () => {
  const pod = podWith({
    phase: 'Pending',
    containerStatuses: [
      container('step-a-main', { waiting: { reason: 'CreateContainerConfigError', message: 'no secret' } }),
    ],
  });
  expect(lossOf(pod, { at: NOW + 60_000 })).toMatchObject({ reason: 'CreateContainerConfigError', tasks: [0] });
});

test('a step that cannot start is its own fault only while the supervisor is well', () => {
  const broken = container('step-a-main', { terminated: { exitCode: 128, reason: 'StartError', message: 'exec' } });
  const well = podWith({ phase: 'Running', containerStatuses: [container(SUPERVISOR, { running: {} }), broken] });
  expect(lossOf(well)).toMatchObject({ reason: 'CreateContainerError', tasks: [0] });
  const dead = container(SUPERVISOR, { terminated: { exitCode: 137, finishedAt: CREATED } });
  const pod = podWith({ phase: 'Running', containerStatuses: [dead, broken] });
  expect(look(pod).events).toEqual([]);
  expect(lossOf(pod, { at: NOW + 60_000 })).toMatchObject({ reason: 'AgentFailed', infrastructure: true });
});

test('a step cannot start without the agent: where the agent’s image is missing, that is what is lost', () => {
  const waiting = container(SUPERVISOR, { waiting: { reason: 'ImagePullBackOff', message: 'no such manifest' } });
  const refused = container('step-a-main', { terminated: { exitCode: 128, reason: 'StartError', message: 'no shim' } });
  const tried = container('step-b-main', { waiting: { reason: 'RunContainerError', message: 'no shim' } });
  const absent = container('step-b-more', { waiting: { reason: 'CreateContainerError', message: 'no shim' } });
  const pod = podWith({ phase: 'Pending', containerStatuses: [refused, tried, absent, waiting] });
  expect(look(pod)).toEqual({
    events: [],
    notices: [{ code: 'ImagePullBackOff', message: `${SUPERVISOR}: no such manifest` }],
  });
  const loss = lossOf(pod, { at: NOW + 60_000 });
  expect(loss).toMatchObject({ reason: 'TaskRunImagePullFailed', infrastructure: true });
  expect(loss).not.toHaveProperty('tasks');
});

test('a pod that no node takes is a notice', () => {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' };
  expect(look(podWith({ phase: 'Pending', conditions: [condition] })).notices).toEqual([
    { code: 'Unschedulable', message: '0/1 nodes' },
  ]);
});
