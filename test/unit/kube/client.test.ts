import { expect, test } from 'vitest';
import { apiErrorOf, isAlreadyExists, isConflict } from '../../../src/kube/errors.ts';
import { cut, json, pod, podList, refuse, serve } from './server.ts';

test('an object is read, written and counted', async () => {
  const api = await serve(json(201, pod('a', '1')), json(200, pod('a', '1')), json(200, pod('a', '2')), json(200, {}));
  const client = api.client({ credential: { kind: 'token', token: 'secret' } });
  await client.create('pods', { metadata: { name: 'a' } });
  expect((await client.get('pods', 'a')).metadata.resourceVersion).toBe('1');
  await client.patch('pods', 'a', { metadata: { labels: { x: 'y' } } }, { resourceVersion: '1' });
  expect(await client.delete('pods', 'a', { uid: 'u', graceSeconds: 0, propagation: 'Foreground' })).toBe(true);
  expect(api.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /api/v1/namespaces/ours/pods',
    'GET /api/v1/namespaces/ours/pods/a',
    'PATCH /api/v1/namespaces/ours/pods/a',
    'DELETE /api/v1/namespaces/ours/pods/a',
  ]);
  expect(JSON.parse(api.asked[0]?.body ?? '')).toEqual({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } });
  expect(JSON.parse(api.asked[2]?.body ?? '')).toEqual({ metadata: { labels: { x: 'y' }, resourceVersion: '1' } });
  expect(JSON.parse(api.asked[3]?.body ?? '')).toMatchObject({
    preconditions: { uid: 'u' },
    gracePeriodSeconds: 0,
    propagationPolicy: 'Foreground',
  });
  expect(api.asked.every(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true);
  expect(client.counters).toMatchObject({ requests: 4, writes: 3, retries: 0 });
  expect(client.counters.firstRequest).toBeGreaterThan(0);
});

test.each([
  [401, 'Unauthorized', 'Unauthorized'],
  [403, 'Forbidden', 'Forbidden'],
  [404, 'NotFound', 'NotFound'],
  [422, 'Invalid', 'KubeError'],
])('%i becomes a code', async (status, reason, code) => {
  const api = await serve(refuse(status, reason));
  const error = await api
    .client()
    .get('pods', 'a')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code });
  expect(apiErrorOf(error)).toMatchObject({ status, reason });
  expect(api.asked).toHaveLength(1);
});

test('the two kinds of 409 are told apart', async () => {
  const api = await serve(refuse(409, 'AlreadyExists'), refuse(409, 'Conflict'));
  const client = api.client();
  const first = await client.create('pods', { metadata: { name: 'a' } }).catch((error: unknown) => error);
  const second = await client.patch('pods', 'a', {}, { resourceVersion: '1' }).catch((error: unknown) => error);
  expect([isAlreadyExists(first), isConflict(first)]).toEqual([true, false]);
  expect([isAlreadyExists(second), isConflict(second)]).toEqual([false, true]);
});

test('429, 5xx and broken connections are tried again', async () => {
  const busy = refuse(429, 'TooManyRequests', { details: { retryAfterSeconds: 1 } });
  const api = await serve(busy, refuse(503, 'ServiceUnavailable'), cut, json(201, pod('a', '1')));
  const client = api.client();
  await client.create('pods', { metadata: { name: 'a' } });
  expect(client.counters).toMatchObject({ requests: 4, writes: 4, retries: 3 });
});

test('a create that came through the first time says AlreadyExists', async () => {
  const api = await serve(cut, refuse(409, 'AlreadyExists'));
  const error = await api
    .client()
    .create('pods', { metadata: { name: 'a' } })
    .catch((thrown: unknown) => thrown);
  expect(isAlreadyExists(error)).toBe(true);
});

test('a server that does not answer is Unreachable', async () => {
  const api = await serve(cut);
  await expect(api.client().get('pods', 'a')).rejects.toMatchObject({ code: 'Unreachable' });
  expect(api.asked).toHaveLength(5);
  const nobody = api.client({ server: 'http://127.0.0.1:1' });
  await expect(nobody.get('pods', 'a')).rejects.toMatchObject({ code: 'Unreachable' });
});

test('deleting what is not there is no error', async () => {
  const api = await serve(refuse(404, 'NotFound'));
  expect(await api.client().delete('pods', 'a')).toBe(false);
});

test('lists come page by page, and start anew when their pages expired', async () => {
  const api = await serve(
    podList('5', [pod('a', '1')], 'next'),
    refuse(410, 'Expired'),
    podList('9', [pod('a', '1'), { not: 'an object' }], 'next'),
    podList('9', [pod('b', '2')]),
  );
  const list = await api.client().list('pods', { labelSelector: 'x=y' });
  expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect(list.resourceVersion).toBe('9');
  expect(api.asked.map(({ query }) => query.get('continue'))).toEqual([null, 'next', null, 'next']);
  expect(api.asked.every(({ query }) => query.get('labelSelector') === 'x=y')).toBe(true);
});

test('what is no answer of Kubernetes is refused', async () => {
  const garbage = await serve((response) => void response.end('<html>'));
  await expect(garbage.client().get('pods', 'a')).rejects.toMatchObject({ code: 'KubeError' });
  await expect(garbage.client().list('pods')).rejects.toMatchObject({ code: 'KubeError' });
  const empty = await serve(json(200, { metadata: {} }));
  await expect(empty.client().get('pods', 'a')).rejects.toMatchObject({ code: 'KubeError' });
  const proxy = await serve((response) => void response.writeHead(404).end('nothing here'));
  await expect(proxy.client().get('pods', 'a')).rejects.toMatchObject({ code: 'NotFound' });
});

test('an abort is the abort, not a failure of the network', async () => {
  const api = await serve(() => {});
  const abort = new AbortController();
  const asked = api.client().get('pods', 'a', { signal: abort.signal });
  abort.abort(new Error('stop'));
  await expect(asked).rejects.toThrow('stop');
});

test("the server's clock is known from its answers", async () => {
  const api = await serve(json(200, pod('a', '1'), { date: new Date(Date.now() + 3_600_000).toUTCString() }));
  const client = api.client();
  expect(client.clockSkew()).toBe(0);
  await client.get('pods', 'a');
  expect(Math.round(client.clockSkew() / 60_000)).toBe(60);
});
