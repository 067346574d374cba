import { expect, test } from 'vitest';
import { type ContainerState, type ContainerView, followLog } from '../../../src/kube/logs.ts';
import { type Answer, cut, pieces, refuse, serve } from './server.ts';

/** A container whose state the test sets. */
const container = (first: ContainerState) => {
  let state = first;
  let waiting: (() => void)[] = [];
  const view: ContainerView = { state: () => state, changed: () => new Promise((done) => waiting.push(done)) };
  const become = (next: ContainerState): void => {
    state = next;
    for (const wake of waiting.splice(0)) wake();
    waiting = [];
  };
  return { view, become };
};

const read = async (
  answers: readonly Answer[],
  state: ContainerState,
  then?: (line: string) => ContainerState | null,
) => {
  const api = await serve(...answers);
  const { view, become } = container(state);
  const seen: string[] = [];
  const client = api.client();
  for await (const line of followLog(client, { pod: 'a', container: 'c', view, pause: async () => {} })) {
    seen.push(line.toString());
    const next = then?.(line.toString());
    if (next) become(next);
  }
  return { seen, asked: api.asked };
};

const at = (second: number, text: string, fraction = '000000001') =>
  `2026-01-02T03:04:${String(second).padStart(2, '0')}.${fraction}Z ${text}`;

test('a container that has ended is read once, without following', async () => {
  const { seen, asked } = await read([pieces([`${at(1, 'a b')}\n${at(2, '')}\n`, at(3, 'no newline')])], 'terminated');
  expect(seen).toEqual(['a b', '', 'no newline']);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.path).toBe('/api/v1/namespaces/ours/pods/a/log');
  expect(asked[0]?.query.get('follow')).toBeNull();
});

test('nothing is asked while the container waits', async () => {
  const api = await serve(pieces([`${at(1, 'x')}\n`]));
  const { view, become } = container('waiting');
  const log = followLog(api.client(), { pod: 'a', container: 'c', view });
  const first = log.next();
  await new Promise((done) => setTimeout(done, 20));
  expect(api.asked).toHaveLength(0);
  become('terminated');
  expect((await first).value?.toString()).toBe('x');
});

test('a follow that stays open ends with its container, and the rest is read', async () => {
  const { seen, asked } = await read(
    [pieces([`${at(1, 'one')}\n`], 'stay'), pieces([`${at(1, 'one')}\n${at(1, 'two', '000000002')}\n`])],
    'running',
    (line) => (line === 'one' ? 'terminated' : null),
  );
  expect(seen).toEqual(['one', 'two']);
  expect(asked.map(({ query }) => query.get('follow'))).toEqual(['true', null]);
  expect(asked[1]?.query.get('sinceTime')).toBe('2026-01-02T03:03:56Z');
});

test('a cut is continued behind the last whole line, equal stamps and zones included', async () => {
  const twice = `${at(5, 'same')}\n${at(5, 'same')}\n`;
  const zoned = '2026-01-02T05:04:06.5+02:00 zoned\n';
  const { seen } = await read(
    [
      pieces([`${at(1, 'a')}\n${at(5, 'same')}\n`, at(5, 'sa')], 'break'),
      pieces([twice, at(6, 'zo')], 'end'),
      pieces([twice + zoned], 'break'),
      cut,
      pieces([twice + zoned + at(7, 'end')]),
    ],
    'running',
    (line) => (line === 'zoned' ? 'terminated' : null),
  );
  expect(seen).toEqual(['a', 'same', 'same', 'zoned', 'end']);
});

test('what the kubelet says of a log that it cannot read is no line of it', async () => {
  const words =
    'failed to try resolving symlinks in path "/var/log/pods/x/0.log": lstat /var/log/pods/x: no such file\n';
  expect((await read([pieces([`${at(1, 'a')}\n`, words])], 'terminated')).seen).toEqual(['a']);
});

test('long lines come in pieces and lose nothing', async () => {
  const long = 'x'.repeat(2_500_000);
  const { seen } = await read([pieces([`${at(1, long)}\n${at(2, 'y')}\n`])], 'terminated');
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.slice(0, -1).join('')).toBe(long);
  expect(seen.at(-1)).toBe('y');
});

test('a pod that is gone ends the log, a log that may not be read is said', async () => {
  expect((await read([refuse(404, 'NotFound')], 'running')).seen).toEqual([]);
  expect((await read([], 'gone')).seen).toEqual([]);
  await expect(read([refuse(403, 'Forbidden')], 'running')).rejects.toMatchObject({ code: 'Forbidden' });
});

test('a kubelet that does not know the container yet is asked again', async () => {
  const { seen } = await read(
    [refuse(400, 'BadRequest'), pieces([`${at(1, 'x')}\n`], 'stay'), pieces([])],
    'running',
    () => 'terminated',
  );
  expect(seen).toEqual(['x']);
});

test('an abort ends it', async () => {
  const api = await serve(pieces([`${at(1, 'x')}\n`], 'stay'));
  const { view } = container('running');
  const abort = new AbortController();
  const seen: string[] = [];
  for await (const line of followLog(api.client(), { pod: 'a', container: 'c', view, signal: abort.signal })) {
    seen.push(line.toString());
    abort.abort();
  }
  expect(seen).toEqual(['x']);
});
