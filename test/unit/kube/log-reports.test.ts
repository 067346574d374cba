import { expect, test } from 'vitest';
import { type ContainerState, type ContainerView, followLog, type LogOptions } from '../../../src/kube/logs.ts';
import { type Answer, pieces, refuse, serve } from './server.ts';

/** Follows a log, whose container becomes what `on` says after a line or a report; gives both in their order. */
const follow = async (
  answers: readonly Answer[],
  { state: first, on, ...more }: Partial<LogOptions> & { state: ContainerState; on?: [string, ContainerState] },
) => {
  const api = await serve(...answers);
  let state = first;
  let waiting: (() => void)[] = [];
  const view: ContainerView = { state: () => state, changed: () => new Promise((done) => waiting.push(done)) };
  const seen: string[] = [];
  const see = (what: string): void => {
    seen.push(what);
    if (what !== on?.[0]) return;
    state = on[1];
    for (const wake of waiting.splice(0)) wake();
    waiting = [];
  };
  const options = { pod: 'a', container: 'c', view, pause: async () => {}, ...more };
  const report: NonNullable<LogOptions['report']> = ({ kind }) => see(`<${kind}>`);
  for await (const line of followLog(api.client(), { ...options, report })) see(line.toString().slice(0, 20));
  return { seen, follows: api.asked.map(({ query }) => query.get('follow') === 'true') };
};

const at = (second: number, text: string) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.000000001Z ${text}\n`;

test.each([
  'failed to create fsnotify watcher: too many open files',
  'failed to watch directory "/var/log/pods/ns_a_uid/c": no space left on device',
])('a log that cannot be followed is read again and again, and to its end: %s', async (words) => {
  const { seen, follows } = await follow(
    [
      pieces([at(1, 'one'), words]),
      pieces([at(1, 'one')]),
      pieces([at(1, 'one'), at(2, 'two')]),
      pieces([at(1, 'one'), at(2, 'two'), at(3, 'three')]),
    ],
    { state: 'running', on: ['two', 'terminated'] },
  );
  expect(seen).toEqual(['one', '<polled>', 'two', 'three', '<whole>']);
  expect(follows).toEqual([true, false, false, false]);
});

test('it is followed again when the node can', async () => {
  const words = 'failed to create fsnotify watcher: too many open files';
  const { seen, follows } = await follow(
    [
      pieces([words]),
      ...Array.from({ length: 12 }, () => pieces([])),
      pieces([at(1, 'one')], 'stay'),
      pieces([at(1, 'one')]),
    ],
    { state: 'running', on: ['one', 'terminated'] },
  );
  expect(seen).toEqual(['<polled>', 'one', '<whole>']);
  expect(follows.filter((one) => one)).toHaveLength(2);
});

test('a kubelet that is away is waited for; its no is final', async () => {
  const away = [refuse(500, 'InternalError'), refuse(502, 'BadGateway'), pieces([at(1, 'one')])];
  expect((await follow(away, { state: 'terminated' })).seen).toEqual(['one', '<whole>']);
  const runtime = pieces(['unable to retrieve container logs for containerd://0123']);
  expect((await follow([runtime, pieces([at(1, 'one')])], { state: 'terminated' })).seen).toEqual(['one', '<whole>']);
  expect((await follow([runtime], { state: 'terminated' })).seen).toEqual(['<unread>']);
  expect((await follow([refuse(400, 'BadRequest')], { state: 'terminated' })).seen).toEqual(['<unread>']);
  expect((await follow([refuse(404, 'NotFound')], { state: 'running' })).seen).toEqual(['<unread>']);
});

test('a log that was rotated while nobody read it has a gap', async () => {
  const { seen } = await follow(
    [pieces([at(1, 'one')], 'break'), pieces([at(3, 'three')], 'stay'), pieces([at(3, 'three')])],
    {
      state: 'running',
      on: ['three', 'terminated'],
    },
  );
  expect(seen).toEqual(['one', '<gap>', 'three', '<whole>']);
});

test('of a large log it is asked whether it was rotated', async () => {
  const large = at(1, 'x'.repeat(300_000));
  expect((await follow([pieces([large]), pieces([large.slice(0, 64)])], { state: 'terminated' })).seen).toEqual([
    'x'.repeat(20),
    '<whole>',
  ]);
  expect((await follow([pieces([large]), pieces([at(2, 'y')])], { state: 'terminated' })).seen).toEqual([
    'x'.repeat(20),
    '<rotated>',
    '<whole>',
  ]);
});

test('a container that says nothing for long though it can be read is dead', async () => {
  const log = pieces([at(1, 'one')], 'stay');
  const { seen } = await follow([log], { state: 'running', silence: 300, dead: 600 });
  expect(seen).toEqual(['one', '<silent>']);
});

test('one that cannot be read for as long is not', async () => {
  const away = Array.from({ length: 15 }, () => [
    pieces(['unable to retrieve container logs for containerd://0123']),
    refuse(400, 'BadRequest'),
  ]).flat();
  const log = [at(1, 'one'), at(2, 'two')];
  const { seen } = await follow([pieces(log.slice(0, 1), 'break'), ...away, pieces(log, 'stay'), pieces(log)], {
    state: 'running',
    on: ['two', 'terminated'],
    silence: 2000,
    dead: 600,
    pause: () => new Promise((done) => setTimeout(done, 30)),
  });
  expect(seen).toEqual(['one', 'two', '<whole>']);
});
