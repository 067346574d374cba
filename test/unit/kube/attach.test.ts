import { expect, test } from 'vitest';
import { attachOutput } from '../../../src/kube/index.ts';
import { serve } from './server.ts';

const frame = (channel: number, text: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);

const PLACE = { pod: 'pod-1', container: 'main' };

test('what a container writes comes as lines, until the connection ends', async () => {
  const api = await serve();
  api.acceptSockets([frame(1, ''), frame(1, 'one\ntw'), frame(2, 'no\n'), frame(1, 'o\nrest'), frame(3, '{}')]);
  const seen: string[] = [];
  for await (const line of attachOutput(api.client(), PLACE)) {
    seen.push(line.toString());
    if (seen.length === 2) api.endSockets();
  }
  expect(seen).toEqual(['one', 'two']);
  const { path, query, headers } = api.asked[0] ?? { path: '', query: new URLSearchParams(), headers: {} };
  expect(path).toBe('/api/v1/namespaces/ours/pods/pod-1/attach');
  expect(query.toString()).toBe('container=main&stdout=true');
  expect(headers['sec-websocket-protocol']).toContain('v5.channel.k8s.io');
});

test('who may not attach is told so, after one try', async () => {
  const api = await serve();
  await expect(Array.fromAsync(attachOutput(api.client(), PLACE))).rejects.toMatchObject({ code: 'Unreachable' });
  expect(api.asked).toHaveLength(1);
});

test('a token is sent, and the signal ends the connection', async () => {
  const api = await serve();
  api.acceptSockets([frame(1, 'one\n')]);
  const abort = new AbortController();
  const client = api.client({ credential: { kind: 'token', token: 'secret' } });
  const seen: string[] = [];
  for await (const line of attachOutput(client, { ...PLACE, signal: abort.signal })) {
    seen.push(line.toString());
    abort.abort();
  }
  expect(seen).toEqual(['one']);
  expect(api.asked[0]?.headers.authorization).toBe('Bearer secret');
  expect(client.counters.requests).toBe(1);
});
