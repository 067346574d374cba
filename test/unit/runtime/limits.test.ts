import type { LimitRange, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { WaybillError } from '../../../src/core/index.ts';
import { KubeApiError, type KubeClient } from '../../../src/kube/index.ts';
import { namespaceLimits } from '../../../src/runtime/index.ts';
import { fakeApi } from './api.ts';

const POD: Pod = {
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'waybill-supervisor' }, { name: 'step-a' }] },
};

const refusal = (message: string) =>
  new WaybillError('Forbidden', message, { cause: new KubeApiError(403, 'Forbidden', message) });

const rangeOf = (cpu: string): LimitRange => ({ spec: { limits: [{ type: 'Container', min: { cpu } }] } });

/** A client whose LimitRanges are those of one answer after the other; the last one stays. */
const clientWith = (...answers: readonly (readonly LimitRange[] | Error)[]) => {
  let asked = 0;
  const { client } = fakeApi();
  const list = async () => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    if (answer instanceof Error) throw answer;
    return { items: answer, resourceVersion: '1' };
  };
  return { client: { ...client, list: list as never } satisfies KubeClient, asked: () => asked };
};

/** Sends the pod; each try is answered with the next refusal, until there is none. */
const sendWith = async (client: KubeClient, ...refusals: readonly Error[]) => {
  const limits = namespaceLimits(client, 'ours');
  const sent: Pod[] = [];
  const outcome = await limits
    .send(POD, 1, async (pod) => {
      const refused = refusals[sent.length];
      sent.push(pod);
      if (refused !== undefined) throw refused;
      return 'made';
    })
    .catch((error: unknown) => error);
  return { sent, outcome, limits };
};

const requestsOf = ({ spec }: Pod) => spec?.containers.map(({ resources }) => resources?.requests?.cpu);

test('LimitRanges are read once, for all pods', async () => {
  const { client, asked } = clientWith([rangeOf('50m')]);
  const { sent, outcome, limits } = await sendWith(client);
  expect(outcome).toBe('made');
  expect(sent.map(requestsOf)).toEqual([['50m', '50m']]);
  await limits.send(POD, 1, async () => 'again');
  expect(asked()).toBe(1);
});

test('a refusal has them read once more, and the pod sent again where they have changed', async () => {
  const { client } = clientWith([], [rangeOf('70m')]);
  const refused = refusal('minimum cpu usage per Container is 70m, but request is 10m');
  const { sent, outcome } = await sendWith(client, refused);
  expect(outcome).toBe('made');
  expect(sent.map(requestsOf)).toEqual([
    [undefined, undefined],
    ['70m', '70m'],
  ]);
});

test('where they have not changed the refusal stands', async () => {
  const { client, asked } = clientWith([rangeOf('70m')]);
  const refused = refusal('maximum cpu usage per Container is 50m, but limit is 70m');
  const { sent, outcome } = await sendWith(client, refused, refused);
  expect([outcome, sent.length, asked()]).toEqual([refused, 1, 2]);
});

test('without the right pods go as they are, and a refusal says why', async () => {
  const { client } = clientWith(new WaybillError('Forbidden', 'cannot list resource "limitranges"'));
  expect((await sendWith(client)).outcome).toBe('made');
  const { outcome } = await sendWith(client, refusal('cpu max limit to request ratio per Container is 2'));
  expect(outcome).toMatchObject({ code: 'Forbidden', message: expect.stringContaining('"limitranges"') });
});

test('what quotas demand of the supervisor is learnt from their refusals, for later pods too', async () => {
  const { client, asked } = clientWith([]);
  const first = refusal('failed quota: a: must specify limits.cpu for: step-a,waybill-supervisor');
  const second = refusal(
    'failed quota: b: must specify limits.memory for: waybill-supervisor; requests.memory for: step-a',
  );
  const { sent, outcome, limits } = await sendWith(client, first, second);
  expect([outcome, sent.length, asked()]).toEqual(['made', 3, 1]);
  const later = await limits.send(POD, 1, async ({ spec }) => spec?.containers[0]?.resources?.limits);
  expect(later).toEqual({ cpu: '500m', memory: '128Mi' });
});

test.each([
  ['a demand of steps alone', refusal('failed quota: a: must specify limits.cpu for: step-a')],
  ['another refusal', refusal('pods "p" is forbidden: violates PodSecurity')],
  ['no refusal', new WaybillError('Unreachable', 'no answer')],
])('%s is passed on', async (_, error) => {
  const { client, asked } = clientWith([]);
  const { sent, outcome } = await sendWith(client, error);
  expect([outcome, sent.length, asked()]).toEqual([error, 1, 1]);
});
