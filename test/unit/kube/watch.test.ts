import { expect, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/client.ts';
import { type WatchOptions, watch } from '../../../src/kube/watch.ts';
import { cut, event, pieces, pod, podList, refuse, serve } from './server.ts';

/** The first `count` events of a watch, in short: `added a`. */
const take = async (client: KubeClient, count: number, options: WatchOptions = {}): Promise<string[]> => {
  const abort = new AbortController();
  const seen: string[] = [];
  for await (const change of watch(client, 'pods', { pause: async () => {}, signal: abort.signal, ...options })) {
    seen.push(change.type === 'synced' ? 'synced' : `${change.type} ${change.object.metadata.name}`);
    if (seen.length === count) abort.abort();
  }
  return seen;
};

test('a list, a marker, and the changes after it', async () => {
  const a2 = event('MODIFIED', pod('a', '11'));
  const api = await serve(
    podList('10', [pod('a', '1')]),
    // A line in two pieces, two lines in one.
    pieces([a2.slice(0, 20), a2.slice(20) + event('ADDED', pod('b', '12')), event('DELETED', pod('a', '13'))], 'stay'),
  );
  expect(await take(api.client(), 5)).toEqual(['added a', 'synced', 'modified a', 'added b', 'deleted a']);
  expect(api.asked[1]?.query.get('resourceVersion')).toBe('10');
  expect(api.asked[1]?.query.get('allowWatchBookmarks')).toBe('true');
  const seconds = Number(api.asked[1]?.query.get('timeoutSeconds'));
  expect(seconds >= 230 && seconds < 350).toBe(true);
});

test('a watch goes on from its last event or bookmark, however it ended', async () => {
  const bookmark = event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '20' } });
  const api = await serve(
    podList('10', []),
    pieces([event('ADDED', pod('a', '11'))]),
    pieces([bookmark], 'break'),
    pieces([event('MODIFIED', pod('a', '21')), '{"type":"MODI'], 'end'),
    pieces([event('MODIFIED', pod('a', '22')), 'garbage\n'], 'stay'),
    pieces([event('DELETED', pod('a', '23'))], 'stay'),
  );
  expect(await take(api.client(), 5)).toEqual(['synced', 'added a', 'modified a', 'modified a', 'deleted a']);
  expect(api.asked.slice(1).map(({ query }) => query.get('resourceVersion'))).toEqual(['10', '11', '20', '21', '22']);
});

test.each([
  ['as an answer', refuse(410, 'Expired')],
  ['as an event', pieces([event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' })], 'stay')],
])('after 410 (%s) a new list tells what was missed', async (_, expired) => {
  const api = await serve(
    podList('10', [pod('a', '1'), pod('b', '2'), pod('c', '3')]),
    expired,
    podList('30', [pod('b', '2'), pod('c', '25'), pod('a', '26', 'another')]),
    pieces([event('DELETED', pod('c', '31'))], 'stay'),
  );
  expect(await take(api.client(), 8)).toEqual([
    'added a',
    'added b',
    'added c',
    'synced',
    'deleted a',
    'modified c',
    'added a',
    'deleted c',
  ]);
});

test('silence is taken for death', async () => {
  const api = await serve(podList('10', []), pieces([], 'stay'), pieces([event('ADDED', pod('a', '11'))], 'stay'));
  const breaks: number[] = [];
  const seen = await take(api.client(), 2, { silence: 50, onBreak: (_, count) => breaks.push(count) });
  expect(seen).toEqual(['synced', 'added a']);
  expect(breaks).toEqual([1]);
});

test('a first list that fails is thrown, later failures are told and outlived', async () => {
  const nobody = await serve(cut);
  await expect(take(nobody.client(), 1)).rejects.toMatchObject({ code: 'Unreachable' });
  const api = await serve(
    podList('10', []),
    refuse(410, 'Expired'),
    refuse(500, 'InternalError'),
    refuse(500, 'InternalError'),
    refuse(500, 'InternalError'),
    refuse(500, 'InternalError'),
    refuse(500, 'InternalError'),
    podList('40', [pod('a', '35')]),
  );
  const breaks: number[] = [];
  expect(await take(api.client(), 2, { onBreak: (_, count) => breaks.push(count) })).toEqual(['synced', 'added a']);
  expect(breaks).toEqual([1, 2]);
});

test('rights that are taken away end it', async () => {
  const api = await serve(podList('10', []), refuse(403, 'Forbidden'));
  await expect(take(api.client(), 2)).rejects.toMatchObject({ code: 'Forbidden' });
});

test('a known version needs no list, and metadata alone may be asked for', async () => {
  const api = await serve(pieces([event('MODIFIED', pod('a', '11'))], 'stay'));
  expect(await take(api.client(), 1, { from: '10', metadataOnly: true })).toEqual(['added a']);
  expect(api.asked[0]?.headers.accept).toContain('as=PartialObjectMetadata;');
});

test('watches without number leave room for a request', async () => {
  const api = await serve((response, { query }) => {
    if (query.get('watch') !== null) response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    else response.writeHead(200).end(JSON.stringify({ metadata: { name: 'a', uid: 'u', resourceVersion: '1' } }));
  });
  const client = api.client();
  const abort = new AbortController();
  const watches = Array.from({ length: 100 }, async () => {
    for await (const _ of watch(client, 'pods', { from: '1', signal: abort.signal }));
  });
  await expect.poll(() => api.asked.length).toBe(100);
  expect((await client.get('secrets', 'a')).metadata.name).toBe('a');
  abort.abort();
  await Promise.all(watches);
});
