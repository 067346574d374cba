import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { WaybillError } from '../../../src/core/index.ts';
import { createAuthenticator } from '../../../src/kube/credential.ts';
import { shared } from '../../../src/kube/shared.ts';
import { troubleTeller } from '../../../src/kube/trouble.ts';
import { watch } from '../../../src/kube/watch.ts';
import { type Answer, cut, event, json, pieces, pod, podList, refuse, serve } from './server.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-trouble-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** An answer whose body breaks off. */
const torn: Answer = async (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"kind":"Pod",');
  await new Promise((done) => setTimeout(done, 5));
  response.destroy();
};

test('an answer that breaks off in the middle is asked for again', async () => {
  const api = await serve(torn, json(200, pod('a', '1')));
  expect((await api.client().get('pods', 'a')).metadata.name).toBe('a');
  const never = await serve(torn);
  await expect(never.client().list('pods')).rejects.toMatchObject({ code: 'Unreachable' });
});

test('a server that says when to come back is obeyed', async () => {
  const waits: number[] = [];
  const pause = async (milliseconds: number) => void waits.push(milliseconds);
  const api = await serve(
    json(429, {}, { 'retry-after': '7' }),
    refuse(429, 'TooManyRequests', { details: { retryAfterSeconds: 3 } }),
    json(200, pod('a', '1')),
  );
  await api.client({}, { pause }).get('pods', 'a');
  expect(waits).toEqual([7000, 3000]);
});

test('trouble is told when it lasts, once', async () => {
  const said: string[] = [];
  const onTrouble = ({ code }: WaybillError) => void said.push(code);
  const api = await serve(cut, cut, cut, cut, json(200, pod('a', '1')), cut, json(200, pod('a', '1')), cut);
  const client = api.client({}, { onTrouble });
  await client.get('pods', 'a');
  expect(said).toEqual(['Unreachable']);
  await client.get('pods', 'a');
  await client.get('pods', 'a').catch(() => {});
  expect(said).toHaveLength(1);
});

test('a call without an answer is told, and again after a minute', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const said: string[] = [];
  const trouble = troubleTeller('https://k', ({ message }) => void said.push(message));
  const quick = trouble.asked('get pods/a');
  vi.advanceTimersByTime(3999);
  quick();
  trouble.asked('get pods/b');
  trouble.asked('get pods/c');
  vi.advanceTimersByTime(4000);
  expect(said).toEqual(['https://k: no answer for 4 s: get pods/b']);
  vi.advanceTimersByTime(60_000);
  trouble.asked('get pods/d');
  vi.advanceTimersByTime(4000);
  expect(said).toHaveLength(2);
});

test('who leaves does not keep others from an answer that all wait for', async () => {
  const signals: AbortSignal[] = [];
  const answer = Promise.withResolvers<string>();
  const ask = shared((signal) => {
    signals.push(signal);
    return answer.promise;
  });
  const leaver = new AbortController();
  const first = ask(leaver.signal);
  const second = ask();
  leaver.abort(new Error('left'));
  await expect(first).rejects.toThrow('left');
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  answer.resolve('yes');
  expect(await second).toBe('yes');

  const lonely = new AbortController();
  const third = ask(lonely.signal);
  await third;
  const pending = Promise.withResolvers<string>();
  const stuck = shared((signal) => {
    signals.push(signal);
    return pending.promise;
  });
  const fourth = stuck(lonely.signal);
  lonely.abort(new Error('left'));
  await expect(fourth).rejects.toThrow('left');
  expect(signals.at(-1)?.aborted).toBe(true);
});

/** A plugin whose n-th answer is the token `token-n`. */
const tokens = async () => {
  const count = join(dir, 'count');
  const command = join(dir, 'plugin');
  const version = 'client.authentication.k8s.io/v1';
  const answer = `{"apiVersion":"${version}","kind":"ExecCredential","status":{"token":"token-'$(wc -l < ${count} | tr -d ' ')'"}}`;
  await writeFile(command, `#!/bin/sh\necho x >> ${count}\necho '${answer}'\n`);
  await chmod(command, 0o755);
  const exec = { apiVersion: version, command, interactiveMode: 'Never' as const };
  return {
    credential: { kind: 'exec' as const, file: join(dir, 'config'), exec },
    asked: async () => (await readFile(count, 'utf8')).split('\n').length - 1,
  };
};

test('a token that ends in the middle of a watch is renewed, and the watch goes on', async () => {
  const { credential, asked } = await tokens();
  const strict =
    (token: string, answer: Answer): Answer =>
    (response, request) =>
      (request.headers.authorization === `Bearer ${token}` ? answer : refuse(401, 'Unauthorized'))(response, request);
  const api = await serve(
    strict('token-1', podList('10', [pod('a', '1')])),
    strict('token-1', pieces([event('MODIFIED', pod('a', '11'))])),
    refuse(401, 'Unauthorized'),
    strict('token-2', pieces([event('DELETED', pod('a', '12'))], 'stay')),
  );
  const abort = new AbortController();
  const seen: string[] = [];
  for await (const change of watch(api.client({ credential }), 'pods', { signal: abort.signal })) {
    seen.push(change.type);
    if (change.type === 'deleted') abort.abort();
  }
  expect(seen).toEqual(['added', 'synced', 'modified', 'deleted']);
  expect(await asked()).toBe(2);
});

test('a call that is aborted while a plugin is asked does not fail the call beside it', async () => {
  const command = join(dir, 'slow');
  const version = 'client.authentication.k8s.io/v1';
  const answer = `{"apiVersion":"${version}","kind":"ExecCredential","status":{"token":"t"}}`;
  await writeFile(command, `#!/bin/sh\nsleep 0.2\necho '${answer}'\n`);
  await chmod(command, 0o755);
  const exec = { apiVersion: version, command, interactiveMode: 'Never' as const };
  const authenticator = createAuthenticator(
    { kind: 'exec', file: join(dir, 'config'), exec },
    { cluster: { server: 'https://k', skipVerify: false }, env: process.env },
  );
  const abort = new AbortController();
  const first = authenticator.current(abort.signal);
  const second = authenticator.current();
  abort.abort();
  await expect(first).rejects.toThrow();
  expect(await second).toEqual({ token: 't' });
});

test('a first list is waited for where the server is away, but not where it refuses', async () => {
  const api = await serve(
    refuse(500, 'InternalError'),
    ...Array.from({ length: 6 }, () => cut),
    podList('10', [pod('a', '1')]),
    pieces([], 'stay'),
  );
  const abort = new AbortController();
  const options = { persistent: true, pause: async () => {}, signal: abort.signal };
  const seen: string[] = [];
  for await (const change of watch(api.client(), 'pods', options)) {
    seen.push(change.type);
    if (change.type === 'synced') abort.abort();
  }
  expect(seen).toEqual(['added', 'synced']);
  const never = await serve(refuse(403, 'Forbidden'));
  const refused = watch(never.client(), 'pods', { persistent: true, pause: async () => {} });
  await expect(refused.next()).rejects.toMatchObject({ code: 'Forbidden' });
  expect(never.asked).toHaveLength(1);
});

test('rights that are missing for a moment are no end', async () => {
  const api = await serve(
    podList('10', []),
    refuse(403, 'Forbidden'),
    refuse(401, 'Unauthorized'),
    pieces([event('ADDED', pod('a', '11'))], 'stay'),
  );
  const abort = new AbortController();
  const seen: string[] = [];
  for await (const change of watch(api.client(), 'pods', { pause: async () => {}, signal: abort.signal })) {
    seen.push(change.type);
    if (change.type === 'added') abort.abort();
  }
  expect(seen).toEqual(['synced', 'added']);
});

test('an API server that has just come back is asked again for rights that it does not know yet', async () => {
  const message = 'pods is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "ours"';
  const unknown = refuse(403, 'Forbidden', { message });
  const api = await serve(unknown, cut, unknown, refuse(401, 'Unauthorized'), json(200, pod('a', '1')), unknown);
  const client = api.client();
  await expect(client.get('pods', 'a')).rejects.toMatchObject({ code: 'Forbidden' });
  expect(api.asked).toHaveLength(1);
  expect((await client.get('pods', 'a')).metadata.name).toBe('a');
  await expect(client.get('pods', 'a')).rejects.toMatchObject({ code: 'Forbidden' });
  const admission = await serve(cut, refuse(403, 'Forbidden', { message: 'violates PodSecurity' }));
  await expect(admission.client().create('pods', { metadata: { name: 'a' } })).rejects.toMatchObject({
    code: 'Forbidden',
  });
  expect(admission.asked).toHaveLength(2);
});
