import type { Container, ContainerState, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { AGENT, hasEnded, injectedContainers, interpretPod, SUPERVISOR } from 'waybill/pod';
import { planOf } from '../engine/fixture.ts';

const SHIM: Container = { name: 'step-main', command: [...AGENT.shim] };
const MESH: Container = { name: 'mesh', command: ['/mesh'] };
const ENDED: ContainerState = { terminated: { exitCode: 0, finishedAt: '2026-01-01T00:00:00Z' as never } };
const RUNS: ContainerState = { running: {} };

type States = Readonly<Record<string, ContainerState>>;

const podOf = (
  containers: readonly Container[],
  states: States,
  { phase = 'Running', init = {} as States } = {},
): Pod => {
  const statuses = (of: States) =>
    Object.entries(of).map(([name, state]) => ({
      name,
      state,
      image: 'i',
      imageID: '',
      ready: false,
      restartCount: 0,
    }));
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z' as never },
    spec: { containers: [...containers] },
    status: { phase, containerStatuses: statuses(states), initContainerStatuses: statuses(init) },
  };
};

const PLAN = planOf([{ name: 'a' }]);
const look = (pod: Pod) =>
  interpretPod(PLAN, pod, { group: 0, attempt: 1 }, { at: Date.parse('2026-01-01T01:00:00Z'), deleted: false });

test('what does not run our shim is injected, wherever it stands', () => {
  expect(injectedContainers(podOf([MESH, { name: SUPERVISOR }, SHIM], {}))).toEqual(['mesh']);
  expect(injectedContainers(podOf([{ name: SUPERVISOR }, SHIM], {}))).toEqual([]);
  expect(injectedContainers({})).toEqual([]);
});

test('a pod has ended when all of ours have', () => {
  const all = [{ name: SUPERVISOR }, SHIM, MESH];
  expect(hasEnded(podOf(all, { [SUPERVISOR]: ENDED, 'step-main': ENDED, mesh: RUNS }))).toBe(true);
  expect(hasEnded(podOf(all, { [SUPERVISOR]: ENDED, 'step-main': RUNS, mesh: ENDED }))).toBe(false);
  expect(hasEnded(podOf(all, { [SUPERVISOR]: ENDED, mesh: RUNS }))).toBe(false);
  // Nothing but the phase tells of the end of a pod without others: the kubelet has still to say why.
  expect(hasEnded(podOf([{ name: SUPERVISOR }, SHIM], { [SUPERVISOR]: ENDED, 'step-main': ENDED }))).toBe(false);
  expect(hasEnded(podOf([{ name: SUPERVISOR }, SHIM], {}, { phase: 'Failed' }))).toBe(true);
});

test('without a log the supervisor’s last words count, though another container still runs', () => {
  const message = JSON.stringify({ version: 1, tasks: [{ id: 0, outcome: 'succeeded', reason: 'Succeeded' }] });
  const said: ContainerState = { terminated: { exitCode: 0, message } };
  const pod = podOf([{ name: SUPERVISOR }, SHIM, MESH], { [SUPERVISOR]: said, 'step-main': ENDED, mesh: RUNS });
  expect(look(pod).events).toMatchObject([{ kind: 'taskFinished', outcome: 'succeeded' }, { kind: 'podLost' }]);
});

test('a deadline that was set to end the others is no timeout', () => {
  const pod = podOf([{ name: SUPERVISOR }, SHIM, MESH], { [SUPERVISOR]: ENDED }, { phase: 'Failed' });
  const late: Pod = { ...pod, status: { ...pod.status, reason: 'DeadlineExceeded' } };
  const told: Pod = { ...late, metadata: { ...pod.metadata, annotations: { 'waybill.dev/told': 'true' } } };
  expect(look(late).events).toMatchObject([{ reason: 'TaskRunTimeout' }]);
  expect(look(told).events).not.toMatchObject([{ reason: 'TaskRunTimeout' }]);
});

test.each<[string, ContainerState]>([
  ['failed', { terminated: { exitCode: 1 } }],
  ['is out of memory', { terminated: { exitCode: 137, reason: 'OOMKilled' } }],
  ['has no image', { waiting: { reason: 'ImagePullBackOff', message: 'not found' } }],
])('a container beside ours that %s is no loss', (_, state) => {
  const pod = podOf([{ name: SUPERVISOR }, SHIM, MESH], { [SUPERVISOR]: RUNS, 'step-main': RUNS, mesh: state });
  expect(look(pod).events).toEqual([]);
});

test('an init container that fails before ours is named', () => {
  const pod = podOf(
    [{ name: SUPERVISOR }, SHIM],
    { [SUPERVISOR]: { waiting: { reason: 'PodInitializing' } } },
    { phase: 'Failed', init: { 'mesh-init': { terminated: { exitCode: 3, reason: 'Error' } } } },
  );
  expect(look(pod).events).toMatchObject([
    {
      kind: 'podLost',
      reason: 'InitContainerFailed',
      infrastructure: true,
      message: expect.stringContaining('mesh-init'),
    },
  ]);
});

test('an init container that cannot start holds ours up, and another pod is tried', () => {
  const pod = podOf(
    [{ name: SUPERVISOR }, SHIM],
    { [SUPERVISOR]: { waiting: { reason: 'PodInitializing' } } },
    { phase: 'Pending', init: { 'mesh-init': { waiting: { reason: 'InvalidImageName', message: 'bad' } } } },
  );
  expect(look(pod).events).toMatchObject([{ kind: 'podLost', reason: 'TaskRunImagePullFailed', infrastructure: true }]);
});

test('a native sidecar that was killed at the end is no failed init container', () => {
  const pod = podOf(
    [{ name: SUPERVISOR }, SHIM],
    { [SUPERVISOR]: { terminated: { exitCode: 2, reason: 'Error' } }, 'step-main': ENDED },
    { phase: 'Failed', init: { mesh: { terminated: { exitCode: 137, reason: 'Error' } } } },
  );
  expect(look(pod).events).toMatchObject([{ kind: 'podLost', reason: 'AgentFailed' }]);
});
