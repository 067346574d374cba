import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isWaybillError } from '../../../src/core/index.ts';
import type { AgentEvent } from '../../../src/pod/index.ts';
import { eventReader } from '../../../src/pod/index.ts';

const vectors = <T>(name: string): T[] =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/protocol/${name}.json`, import.meta.url), 'utf8')) as T[];

interface Stream {
  readonly name: string;
  readonly events: readonly AgentEvent[];
  readonly lines: readonly string[];
}

interface Reading extends Stream {
  readonly gap: { readonly from: number; readonly to: number } | null;
  readonly garbage: number;
  readonly closed: boolean;
}

const heartbeat = (seq: number) => JSON.stringify({ seq, time: '2026-01-02T03:04:05.006Z', type: 'heartbeat' });

test.each(vectors<Stream>('stream'))('as the agent writes it: $name', ({ events, lines }) => {
  const reader = eventReader();
  expect(lines.flatMap((line) => reader.push(line))).toEqual(events);
  expect(reader.garbage).toBe(0);
  expect(reader.gap).toBeNull();
  expect(lines.every((line) => Buffer.byteLength(line) <= 12 * 1024)).toBe(true);
});

test.each(vectors<Reading>('reader'))('$name', ({ events, lines, gap, garbage, closed }) => {
  const reader = eventReader();
  expect(lines.flatMap((line) => reader.push(line))).toEqual(events);
  expect({ gap: reader.gap, garbage: reader.garbage, closed: reader.closed }).toEqual({ gap, garbage, closed });
});

test('lines in any order give the same events', () => {
  const [, parts] = vectors<Stream>('stream') as [Stream, Stream];
  const reader = eventReader();
  const events = parts.lines.toReversed().flatMap((line) => reader.push(line));
  expect(events.toSorted((a, b) => a.seq - b.seq)).toEqual(parts.events);
  expect(reader.gap).toBeNull();
});

test('another version of the protocol is refused', () => {
  const hello = {
    seq: 1,
    time: '2026-01-02T03:04:05.006Z',
    type: 'hello',
    protocol: 2,
    agent: '9',
    run: 'u',
    group: 0,
    attempt: 1,
  };
  let thrown: unknown;
  try {
    eventReader().push(JSON.stringify(hello));
  } catch (error) {
    thrown = error;
  }
  expect(isWaybillError(thrown, 'AgentProtocol')).toBe(true);
});

test('parts beyond the cap are dropped', () => {
  const reader = eventReader();
  const data = 'x'.repeat(12_000);
  const parts = 3000;
  // Two events, each without its last part.
  for (let seq = 1; seq <= 2 * parts; seq += 1) {
    if (seq % parts === 0) continue;
    const part = ((seq - 1) % parts) + 1;
    reader.push(JSON.stringify({ seq, time: '2026-01-02T03:04:05.006Z', part, parts, data }));
  }
  expect(reader.garbage).toBeGreaterThan(0);
  expect(reader.push(heartbeat(2 * parts + 1))).toHaveLength(1);
  expect(reader.gap).not.toBeNull();
});

test('many gaps are kept as few ranges', () => {
  const reader = eventReader();
  for (let seq = 2; seq < 10_000; seq += 2) reader.push(heartbeat(seq));
  expect(reader.gap?.from).toBe(1);
  for (let seq = 1; seq < 10_000; seq += 1) reader.push(heartbeat(seq));
  expect(reader.gap).toBeNull();
});
