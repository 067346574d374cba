import { expect, test } from 'vitest';
import type { PodRequest } from '../../../src/runtime/index.ts';
import type { NamespaceLimits } from '../../../src/runtime/kubernetes/limits.ts';
import { startPod } from '../../../src/runtime/kubernetes/start.ts';
import { fakeApi } from './api.ts';
import { RUN } from './fakes.ts';

const REQUEST: PodRequest = {
  group: 0,
  attempt: 1,
  pod: { metadata: { name: 'pod-1' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  secrets: [{ metadata: { name: 'program' }, data: { a: 'b' } }],
  claims: [{ metadata: { name: 'claim' }, spec: { accessModes: ['ReadWriteOnce'] } }],
  atOnce: 1,
};

const NO_LIMITS = { send: (pod, _, send) => send(pod) } satisfies NamespaceLimits;

test('what a pod needs is made before it, owned by the record', async () => {
  const { client, calls, objects } = fakeApi();
  const pod = await startPod(client, RUN, REQUEST, NO_LIMITS, undefined);
  expect(calls.at(-1)).toBe('create pods/pod-1');
  expect(calls.toSorted()).toEqual([
    'create persistentvolumeclaims/claim',
    'create pods/pod-1',
    'create secrets/program',
  ]);
  expect(pod).toMatchObject({ name: 'pod-1', group: 0, attempt: 1 });
  for (const object of objects.values()) {
    expect(object.metadata.ownerReferences?.[0]).toMatchObject({ uid: RUN.owner.uid });
    expect(object.metadata.labels).toMatchObject({ 'waybill.dev/run-uid': RUN.uid });
    expect(object.metadata.annotations).toMatchObject({ 'waybill.dev/epoch': '1' });
  }
});

test('the same pod is adopted, by a later driver too', async () => {
  const { client } = fakeApi();
  const first = await startPod(client, RUN, REQUEST, NO_LIMITS, undefined);
  const second = await startPod(client, { ...RUN, epoch: 2 }, REQUEST, NO_LIMITS, undefined);
  expect(second).toEqual(first);
});

test.each([
  ['of another record', { ...RUN, owner: { ...RUN.owner, uid: 'other' } }, REQUEST],
  ['of another plan', { ...RUN, planDigest: 'sha256:00' as never }, REQUEST],
  ['of a later driver', { ...RUN, epoch: 0 }, REQUEST],
  ['with another spec', RUN, { ...REQUEST, pod: { ...REQUEST.pod, spec: { containers: [] } } }],
])('a pod %s is not', async (_, run, request) => {
  const { client } = fakeApi();
  await startPod(client, RUN, REQUEST, NO_LIMITS, undefined);
  await expect(startPod(client, run, request, NO_LIMITS, undefined)).rejects.toMatchObject({ code: 'ObjectExists' });
});

test('a pod that is deleted between creation and adoption is created', async () => {
  const api = fakeApi((call) => {
    if (call === 'get pods/pod-1') api.objects.delete('pods/pod-1');
  });
  await startPod(api.client, RUN, REQUEST, NO_LIMITS, undefined);
  await startPod(api.client, RUN, REQUEST, NO_LIMITS, undefined);
  expect(api.objects.has('pods/pod-1')).toBe(true);
});

test('a pod that was fitted to its namespace is adopted by what was asked for', async () => {
  const { client, objects } = fakeApi();
  const limits = {
    send: (pod, _, send) => send({ ...pod, spec: { ...pod.spec, containers: [{ name: 'c', image: 'fitted' }] } }),
  } satisfies NamespaceLimits;
  const first = await startPod(client, RUN, REQUEST, limits, undefined);
  expect(objects.get('pods/pod-1')).toMatchObject({ spec: { containers: [{ image: 'fitted' }] } });
  // The LimitRange is gone when the next driver comes.
  expect(await startPod(client, { ...RUN, epoch: 2 }, REQUEST, NO_LIMITS, undefined)).toEqual(first);
});
