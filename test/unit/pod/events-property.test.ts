import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isWaybillError } from '../../../src/core/index.ts';
import { type AgentEvent, eventReader } from '../../../src/pod/index.ts';

interface Stream {
  readonly events: readonly AgentEvent[];
  readonly lines: readonly string[];
}

/** What the agent writes, every kind of event; the last one has an event in parts. */
const STREAMS = JSON.parse(
  readFileSync(new URL('../../../fixtures/protocol/stream.json', import.meta.url), 'utf8'),
) as readonly Stream[];

const stream = fc.constantFrom(...STREAMS);
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Readings of a log from some line to some byte, as connections give it. */
const readings = fc.array(fc.record({ from: share, to: share }), { maxLength: 6 });

const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(''));

test('however a stream is cut and read again, its events are the same, each once', () => {
  fc.assert(
    fc.property(stream, readings, ({ events, lines }, cuts) => {
      const reader = eventReader();
      const read: AgentEvent[] = [];
      for (const { from, to } of cuts) {
        const bytes = bytesOf(lines.slice(Math.floor(from * lines.length)));
        // The cut may be in the middle of a line, or of a character.
        const text = bytes.subarray(0, Math.floor(to * bytes.length)).toString('utf8');
        for (const line of text.split('\n')) read.push(...reader.push(line));
      }
      for (const line of lines) read.push(...reader.push(line));
      const bySeq = read.toSorted((a, b) => a.seq - b.seq);
      const last = events.findIndex(({ type }) => type === 'closing');
      // What the closing repeats need not be told once more when it came first.
      const missed = events.filter((event) => !bySeq.some(({ seq }) => seq === event.seq));
      if (missed.length > 0) expect(read.at(-1)?.type).toBe('closing');
      expect(bySeq).toEqual(events.filter((event) => !missed.includes(event)));
      expect([reader.gap, reader.closed]).toEqual([null, last >= 0]);
    }),
    { numRuns: 300 },
  );
});

test('lines that are lost leave a gap or a closing; no event is changed', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), ({ events, lines }, kept) => {
      const reader = eventReader();
      const read = lines.filter((_, index) => kept[index] ?? true).flatMap((line) => reader.push(line));
      for (const event of read) expect(events).toContainEqual(event);
      const lost = lines.findIndex((_, index) => !(kept[index] ?? true));
      const later = lines.some((_, index) => index > lost && (kept[index] ?? true));
      if (lost >= 0 && later && !reader.closed) expect(reader.gap?.from).toBe(lost + 1);
      if (reader.closed) expect(read.at(-1)?.type).toBe('closing');
    }),
    { numRuns: 300 },
  );
});

/** Lines that somebody else wrote, the more alike to an agent's the worse. */
const hostile = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.json({ maxDepth: 3 }),
  stream.chain(({ lines }) =>
    fc
      .record({ line: fc.constantFrom(...lines), at: share, put: fc.string({ maxLength: 5 }) })
      .map(({ line, at, put }) => {
        const cut = Math.floor(at * line.length);
        return line.slice(0, cut) + put + line.slice(cut + put.length);
      }),
  ),
  fc
    .record({
      seq: fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2 ** 53 - 1, 2 ** 53, 1.5)),
      part: fc.integer({ min: -1, max: 4000 }),
      parts: fc.integer({ min: -1, max: 4000 }),
      data: fc.string({ maxLength: 50 }),
    })
    .map((part) => JSON.stringify({ time: '2026-01-02T03:04:05.006Z', ...part })),
  fc.constantFrom('[]', '{}', 'null', '{"__proto__":{}}', '{"type":"constructor"}', `{"seq":1${' '.repeat(13_000)}}`),
);

test('a hostile stream throws nothing but AgentProtocol, and forges no end', () => {
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 40 }), (lines) => {
      const reader = eventReader();
      try {
        for (const line of lines) {
          for (const event of reader.push(line)) {
            expect(event.seq).toBeGreaterThan(0);
            expect(Number.isNaN(Date.parse(event.time))).toBe(false);
          }
        }
      } catch (error) {
        expect(isWaybillError(error, 'AgentProtocol')).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test('what the kubelet puts between the lines changes nothing', () => {
  const words = fc.constantFrom(
    'failed to create fsnotify watcher: too many open files',
    'unable to retrieve container logs for containerd://0123',
    'rpc error: code = Unavailable desc = connection refused',
    'waybill: a word on standard error',
    '',
  );
  fc.assert(
    fc.property(stream, fc.array(words, { minLength: 20, maxLength: 20 }), ({ events, lines }, between) => {
      const reader = eventReader();
      const read = lines.flatMap((line, index) => [...reader.push(between[index] ?? ''), ...reader.push(line)]);
      expect(read).toEqual(events);
    }),
  );
});
