import { expect, test } from 'vitest';
import { logPrinter } from '../../../cli/output/logs.ts';
import { WaybillError } from '../../../src/core/index.ts';
import type { LogReport } from '../../../src/kube/index.ts';

const PLAIN = { out: false, err: false, logs: true };

/** Logs that a test feeds line by line. */
const source = () => {
  const waiting = new Map<string, { lines: (string | null | Error)[]; wake: () => void }>();
  const of = (key: string) => {
    const found = waiting.get(key) ?? { lines: [], wake: () => undefined };
    waiting.set(key, found);
    return found;
  };
  return {
    feed: (key: string, ...lines: (string | null | Error)[]): void => {
      of(key).lines.push(...lines);
      of(key).wake();
    },
    read: async function* (pod: string, container: string): AsyncIterable<Buffer> {
      const log = of(`${pod}/${container}`);
      for (;;) {
        const line = log.lines.shift();
        if (line === null) return;
        if (line instanceof Error) throw line;
        if (line !== undefined) yield Buffer.from(line);
        else
          await new Promise<void>((wake) => {
            log.wake = wake;
          });
      }
    },
  };
};

const printer = (colors = PLAIN) => {
  const { feed, read } = source();
  const emitted: string[] = [];
  const noted: string[] = [];
  const logs = logPrinter({ emit: (line) => void emitted.push(line), note: (line) => noted.push(line), colors }, read);
  const step = (task: string, name: string) => ({ pod: `pod-${task}`, container: `step-${name}`, task, step: name });
  return { feed, emitted, noted, ...logs, step };
};

test('steps of a task come one after another, whenever their lines arrive', async () => {
  const { feed, follow, end, emitted, step } = printer();
  follow(step('build', 'one'));
  follow(step('build', 'two'));
  feed('pod-build/step-two', 'second', null);
  feed('pod-build/step-one', 'first', 'more', null);
  await end();
  expect(emitted).toEqual(['[build : one] first', '[build : one] more', '[build : two] second']);
});

test('tasks come side by side', async () => {
  const { feed, follow, end, emitted, step } = printer();
  follow(step('slow', 'run'));
  follow(step('fast', 'run'));
  feed('pod-fast/step-run', 'fast', null);
  await expect.poll(() => emitted).toEqual(['[fast : run] fast']);
  feed('pod-slow/step-run', 'slow', null);
  await end();
  expect(emitted).toEqual(['[fast : run] fast', '[slow : run] slow']);
});

test('a step is followed once', async () => {
  const { feed, follow, end, emitted, step } = printer();
  follow(step('build', 'one'));
  follow(step('build', 'one'));
  feed('pod-build/step-one', 'line', null);
  await end();
  expect(emitted).toHaveLength(1);
});

test('a log that cannot be read is told, and the next step goes on', async () => {
  const { feed, follow, end, emitted, noted, step } = printer();
  follow(step('build', 'one'));
  follow(step('build', 'two'));
  feed('pod-build/step-one', 'line', new Error('forbidden'));
  feed('pod-build/step-two', 'line', null);
  await end();
  expect(emitted).toEqual(['[build : one] line', '[build : two] line']);
  expect(noted).toHaveLength(1);
  expect(noted[0]).toContain('LogUnread: the log of build : one');
});

test('what is missing of a log is said once, and not for a log that is whole', async () => {
  const noted: string[] = [];
  const said: Readonly<Record<string, readonly LogReport[]>> = {
    'step-one': [{ kind: 'gap' }, { kind: 'polled', message: 'x' }, { kind: 'gap' }, { kind: 'whole' }],
    'step-two': [{ kind: 'rotated' }, { kind: 'whole' }],
    'step-three': [{ kind: 'unread', message: 'gone' }],
    'step-four': [{ kind: 'whole' }],
  };
  const logs = logPrinter(
    { emit: () => {}, note: (line) => noted.push(line), colors: PLAIN },
    async function* (_, container, { report }) {
      for (const one of said[container] ?? []) report(one);
      yield Buffer.from('line');
    },
  );
  for (const step of ['one', 'two', 'three', 'four'])
    logs.follow({ pod: 'p', container: `step-${step}`, task: 't', step });
  await logs.end();
  expect(noted.map((line) => line.slice(0, line.indexOf(':', line.indexOf(':') + 1) + 1))).toEqual([
    'LogGap: the log of t :',
    'LogRotated: the log of t :',
    'LogUnread: the log of t :',
  ]);
});

test('a refusal is said once, whoever meets it first', async () => {
  const forbidden = new WaybillError('Forbidden', 'no');
  const first = printer();
  for (const task of ['a', 'b']) {
    first.follow(first.step(task, 'x'));
    first.feed(`pod-${task}/step-x`, forbidden);
  }
  await first.end();
  expect(first.noted).toEqual(['LogForbidden: no']);
  expect(first.forbidden()).toBe(forbidden);
  const second = printer();
  second.forbid('said elsewhere');
  second.follow(second.step('a', 'x'));
  await second.end();
  expect(second.noted).toEqual([]);
});

test('lines written over each other are lines; colours pass, other sequences do not', async () => {
  const { feed, follow, end, emitted, step } = printer();
  follow(step('a', 'b'));
  feed('pod-a/step-b', '10%\r50%\r100%', 'dos\r', '\r', '', '\u001b[32mok\u001b[0m', '\u001b]0;title\u0007', null);
  await end();
  expect(emitted.map((line) => line.replace('[a : b] ', ''))).toEqual([
    '10%',
    '50%',
    '100%',
    'dos',
    '',
    '',
    '\u001b[32mok\u001b[0m',
    '\\x1b]0;title\\x07',
  ]);
});

test('without colours those of steps are left out', async () => {
  const { feed, follow, end, emitted, step } = printer({ ...PLAIN, logs: false });
  follow(step('a', 'b'));
  feed('pod-a/step-b', '\u001b[32mok\u001b[0m', null);
  await end();
  expect(emitted).toEqual(['[a : b] ok']);
});
