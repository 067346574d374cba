import type { ContainerState, ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import type { EngineEvent } from 'waybill/engine';
import { interpretPod, type PodEvent, SUPERVISOR, stopOf, troublesOf } from 'waybill/pod';
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

const look = (pod: Pod, { at = NOW, deleted = false, troubles = troublesOf(), heard = true } = {}) =>
  interpretPod(plan, pod, PLACE, { at, deleted, troubles, heard });

/** What is said of a pod that has been as it is now for so many milliseconds. */
const lookAfter = (pod: Pod, milliseconds: number) => {
  const troubles = troublesOf();
  look(pod, { troubles });
  return look(pod, { troubles, at: NOW + milliseconds });
};

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
    again: false,
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
    { reason: 'PodEvicted', infrastructure: true },
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

test('where the supervisor was not heard to its end, nobody may begin again', () => {
  const unheard = (pod: Pod, options = {}) => lossOf(pod, { heard: false, ...options });
  expect(unheard(ended('', 137))).toMatchObject({ reason: 'AgentFailed', infrastructure: false });
  const notStarted = container(SUPERVISOR, { terminated: { exitCode: 128, reason: 'StartError' } });
  expect(unheard(podWith({ phase: 'Failed', containerStatuses: [notStarted] }))).toMatchObject({
    infrastructure: true,
  });
  expect(unheard(podWith({ phase: 'Failed', reason: 'OutOfcpu' }))).toMatchObject({ infrastructure: true });
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

const waiting = (name: string, reason: string, message: string): Pod =>
  podWith({ phase: 'Pending', containerStatuses: [container(name, { waiting: { reason, message } })] });

const REFUSED =
  'failed to do request: Head "http://r/v2/denied/manifests/1": dial tcp 10.0.0.1:443: connection refused';

test.each([
  ['containerd: no such manifest', 'rpc error: code = NotFound desc = … r/x@sha256:0: r/x@sha256:0: not found'],
  ['a registry: no such manifest', 'manifest unknown: manifest unknown'],
  ['Docker: no such repository', 'pull access denied for x, repository does not exist or may require authorization'],
  ['a registry that asks who we are', 'pulling from host r failed with status code [manifests 1]: 401 Unauthorized'],
  ['no image for the node', 'no match for platform in manifest: not found'],
])('a registry’s answer is final: %s', (_, message) => {
  const loss = { reason: 'TaskRunImagePullFailed', infrastructure: false, final: false, tasks: [1] };
  expect(look(waiting('step-b-more', 'ErrImagePull', message)).events).toMatchObject([loss]);
  const backOff = `Back-off pulling image "step-b-more:1": ErrImagePull: ${message}`;
  expect(look(waiting('step-b-more', 'ImagePullBackOff', backOff)).events).toMatchObject([loss]);
  const { events } = look(waiting(SUPERVISOR, 'ErrImagePull', message));
  expect(events).toMatchObject([{ reason: 'TaskRunImagePullFailed', infrastructure: true, final: true }]);
});

test.each([
  ['no answer', REFUSED],
  ['no address', 'dial tcp: lookup r: no such host'],
  ['an answer that says later', 'unexpected status code 503 Service Unavailable'],
  ['an image that is named like an answer', 'failed to resolve "step-b-more:1": i/o timeout'],
])('a registry may come back: %s', (_, message) => {
  const pod = waiting('step-b-more', 'ErrImagePull', message);
  expect(look(pod)).toMatchObject({ events: [], notices: [{ code: 'ErrImagePull' }], again: true });
  expect(lookAfter(pod, 59_000)).toMatchObject({ events: [], again: true });
  expect(lookAfter(pod, 60_000)).toMatchObject({
    events: [{ reason: 'TaskRunImagePullFailed', tasks: [1], infrastructure: false }],
    again: false,
  });
  expect(lookAfter(waiting(SUPERVISOR, 'ErrImagePull', message), 60_000).events).toMatchObject([
    { reason: 'TaskRunImagePullFailed', infrastructure: true, final: true },
  ]);
});

test.each([
  [SUPERVISOR, 'InvalidImageName', { infrastructure: true, final: true }],
  ['step-a-main', 'InvalidImageName', { infrastructure: false, final: true, tasks: [0] }],
  ['step-a-main', 'ErrImageNeverPull', { infrastructure: false, final: false, tasks: [0] }],
])('%s with %s is lost at once', (name, reason, loss) => {
  const { events } = look(waiting(name, reason, ''));
  expect(events).toMatchObject([{ reason: 'TaskRunImagePullFailed', ...loss }]);
});

test('a configuration that stays wrong keeps Kubernetes’ reason', () => {
  const pod = waiting('step-a-main', 'CreateContainerConfigError', 'secret "x" not found');
  expect(lookAfter(pod, 19_000)).toMatchObject({ events: [], notices: [{ code: 'CreateContainerConfigError' }] });
  expect(lookAfter(pod, 20_000).events).toMatchObject([{ reason: 'CreateContainerConfigError', tasks: [0] }]);
});

test('a step that was there before its supervisor is not to blame, and not started again', () => {
  const terminated = { exitCode: 128, reason: 'StartError', message: 'no shim', finishedAt: CREATED };
  const early = container('step-a-main', { terminated });
  const startedAt = (second: number) =>
    container(SUPERVISOR, { running: { startedAt: `2026-01-01T00:00:0${second}Z` } });
  const lossWith = (supervisor: ContainerStatus) =>
    lossOf(podWith({ phase: 'Running', containerStatuses: [supervisor, early] }));
  expect(lossWith(startedAt(3))).toMatchObject({ reason: 'AgentFailed', infrastructure: true });
  expect(lossWith(startedAt(0))).toMatchObject({ reason: 'CreateContainerError', tasks: [0], infrastructure: false });
});

test('a step that cannot start is its own fault only while the supervisor is well', () => {
  const broken = container('step-a-main', { terminated: { exitCode: 128, reason: 'StartError', message: 'exec' } });
  const well = podWith({ phase: 'Running', containerStatuses: [container(SUPERVISOR, { running: {} }), broken] });
  expect(lossOf(well)).toMatchObject({ reason: 'CreateContainerError', tasks: [0] });
  const dead = container(SUPERVISOR, { terminated: { exitCode: 137, finishedAt: CREATED } });
  const pod = podWith({ phase: 'Running', containerStatuses: [dead, broken] });
  expect(look(pod, { at: Date.parse(CREATED) + 1000 })).toMatchObject({ events: [], again: true });
  expect(lossOf(pod, { at: NOW + 60_000 })).toMatchObject({ reason: 'AgentFailed', infrastructure: true });
});

test('a step cannot start without the agent: where the agent’s image is missing, that is what is lost', () => {
  const absent = container(SUPERVISOR, { waiting: { reason: 'ImagePullBackOff', message: REFUSED } });
  const refused = container('step-a-main', { terminated: { exitCode: 128, reason: 'StartError', message: 'no shim' } });
  const tried = container('step-b-main', { waiting: { reason: 'RunContainerError', message: 'no shim' } });
  const more = container('step-b-more', { waiting: { reason: 'CreateContainerError', message: 'no shim' } });
  const pod = podWith({ phase: 'Pending', containerStatuses: [refused, tried, more, absent] });
  expect(look(pod)).toEqual({
    events: [],
    notices: [{ code: 'ImagePullBackOff', message: `${SUPERVISOR}: ${REFUSED}` }],
    again: true,
  });
  const { events } = lookAfter(pod, 60_000);
  expect(events).toMatchObject([{ reason: 'TaskRunImagePullFailed', infrastructure: true }]);
  expect(events[0]).not.toHaveProperty('tasks');
});

test('a deleted pod whose node does not say that it is gone is lost with all that may run there', () => {
  const pod = podWith({ phase: 'Running', containerStatuses: [container(SUPERVISOR, { running: {} })] });
  const going = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: CREATED, deletionGracePeriodSeconds: 8 } };
  expect(look(going)).toEqual({ events: [], notices: [], again: true });
  expect(lookAfter(going, 27_000)).toMatchObject({ events: [], again: true });
  expect(lookAfter(going, 28_000).events).toMatchObject([{ reason: 'NodeLost', infrastructure: false }]);
});

test('a pod that no node takes is a notice', () => {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' };
  expect(look(podWith({ phase: 'Pending', conditions: [condition] })).notices).toEqual([
    { code: 'Unschedulable', message: '0/1 nodes' },
  ]);
});

const cancelled = JSON.stringify({
  version: 1,
  tasks: [
    { id: 0, outcome: 'failed', reason: 'TaskRunCancelled' },
    { id: 1, outcome: 'failed', reason: 'StepFailed' },
  ],
});

test.each([
  [
    'the kubelet, for what one container took',
    { reason: 'Evicted', message: 'Container step-a-main exceeded its local ephemeral storage limit "1Mi". ' },
    {},
    { reason: 'PodEvicted', infrastructure: false, tasks: [0] },
  ],
  [
    'the kubelet, for what all took',
    { reason: 'Evicted', message: 'The node was low on resource: memory. ' },
    {},
    { reason: 'PodEvicted', infrastructure: true },
  ],
  [
    'a drain',
    {
      conditions: [
        { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API' },
      ],
    },
    { deletionTimestamp: CREATED },
    { reason: 'PodEvicted', infrastructure: true },
  ],
  ['its deadline', { reason: 'DeadlineExceeded' }, {}, { reason: 'TaskRunTimeout', infrastructure: false }],
  ['somebody who deleted it', {}, { deletionTimestamp: CREATED }, { reason: 'PodDeleted', infrastructure: false }],
])('a signal to the pod is explained by its status: %s', (_, status, metadata, stop) => {
  const pod = ended(cancelled, 1);
  const whole = { metadata: { ...pod.metadata, ...metadata }, status: { ...pod.status, ...status } };
  expect(stopOf(plan, 0, whole)).toMatchObject(stop);
  const reasons = look(whole).events.map((event) => ('reason' in event ? event.reason : ''));
  expect(reasons).toEqual([stop.reason, 'StepFailed', stop.reason]);
});

test('a step that the signal to its pod ended first did not fail by itself', () => {
  const pod = ended(cancelled, 1, [container('step-b-more', { terminated: { exitCode: 143, reason: 'Error' } })]);
  const evicted = { ...pod, status: { ...pod.status, reason: 'Evicted', message: 'disk' } };
  const reasons = look(evicted).events.map((event) => ('reason' in event ? event.reason : ''));
  expect(reasons).toEqual(['PodEvicted', 'PodEvicted', 'PodEvicted']);
});

test('a signal that nothing explains stays one', () => {
  expect(stopOf(plan, 0, ended(cancelled, 1))).toBeUndefined();
  expect(look(ended(cancelled, 1)).events[0]).toMatchObject({ reason: 'TaskRunCancelled' });
});
