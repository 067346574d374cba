import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { kubernetesRuntime } from '../../../src/runtime/index.ts';
import { endInjected, isHeldUp } from '../../../src/runtime/kubernetes/injected.ts';
import { type Answer, json, pieces, podList, serve } from '../kube/server.ts';
import { fakeApi } from './api.ts';
import { RUN } from './fakes.ts';
import { planOf } from './plan.ts';

const HANDLE = { name: 'p', uid: 'u', group: 0, attempt: 1 };
const OURS = { name: 'waybill-supervisor' };

const podOf = (containers: readonly { name: string }[], more: Pod = {}): Pod => ({
  spec: { containers: [...containers] },
  status: { phase: 'Running' },
  ...more,
});

test.each<[string, Pod, boolean]>([
  ['with a container of others', podOf([OURS, { name: 'mesh' }]), true],
  ['of ours alone', podOf([OURS]), false],
  ['that has ended', podOf([OURS, { name: 'mesh' }], { status: { phase: 'Failed' } }), false],
  [
    'that somebody deletes',
    podOf([OURS, { name: 'mesh' }], { metadata: { deletionTimestamp: 'now' as never } }),
    false,
  ],
  [
    'that was seen to',
    podOf([OURS, { name: 'mesh' }], { metadata: { annotations: { 'waybill.dev/told': 'true' } } }),
    false,
  ],
])('a pod %s', (_, pod, heldUp) => {
  expect(isHeldUp(pod)).toBe(heldUp);
});

test('its deadline is now, and it says why', async () => {
  const { client, objects } = fakeApi();
  await client.create('pods', { metadata: { name: 'p' }, spec: { containers: [] } });
  await endInjected(client, RUN, { ...HANDLE, uid: objects.get('pods/p')?.metadata.uid ?? '' });
  expect(objects.get('pods/p')).toMatchObject({
    metadata: { annotations: { 'waybill.dev/told': 'true' } },
    spec: { activeDeadlineSeconds: 1 },
  });
});

test('one that is gone, or another of its name, is left alone', async () => {
  const { client, objects } = fakeApi();
  await endInjected(client, RUN, HANDLE);
  await client.create('pods', { metadata: { name: 'p' }, spec: { containers: [] } });
  await endInjected(client, RUN, HANDLE);
  expect(objects.get('pods/p')).not.toMatchObject({ spec: { activeDeadlineSeconds: 1 } });
});

test('a pod that an earlier driver had heard out, and not ended, is ended by the next one', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    ...podOf([OURS, { name: 'mesh' }]),
    metadata: {
      name: 'pod-1',
      uid: 'uid-1',
      resourceVersion: '1',
      labels: { 'waybill.dev/run-uid': RUN.uid, 'waybill.dev/group': '0', 'waybill.dev/attempt': '1' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: RUN.owner.name, uid: RUN.owner.uid }],
    },
  };
  const over = new AbortController();
  const api = await serve((response, asked) => {
    if (asked.method === 'PATCH') over.abort();
    const answer: Answer =
      asked.method === 'PATCH'
        ? json(200, pod)
        : asked.query.get('watch') === 'true'
          ? pieces([], 'stay')
          : podList('1', asked.path.endsWith('/pods') ? [pod] : []);
    return answer(response, asked);
  });
  const runtime = kubernetesRuntime(api.client());
  for await (const _ of runtime.observe(RUN, { plan: planOf([]), ignore: new Set(['uid-1']), signal: over.signal }));
  expect(api.asked.filter(({ method }) => method === 'PATCH').map(({ path }) => path)).toEqual([
    '/api/v1/namespaces/ours/pods/pod-1',
  ]);
});
