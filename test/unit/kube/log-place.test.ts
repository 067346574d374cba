import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lines } from '../../../src/kube/lines.ts';
import { LogPlace } from '../../../src/kube/log-place.ts';

interface Written {
  readonly nanoseconds: bigint;
  readonly text: string;
}

const START = BigInt(Date.parse('2026-01-02T03:04:05Z')) * 1_000_000n;

const stampOf = (nanoseconds: bigint): string => {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}Z`;
};

/** What a kubelet sends of these lines. */
const sent = (log: readonly Written[], since: string | undefined): Buffer => {
  const from = since === undefined ? 0n : BigInt(Date.parse(since)) * 1_000_000n;
  const kept = log.filter(({ nanoseconds }) => nanoseconds >= from);
  return Buffer.from(kept.map(({ nanoseconds, text }) => `${stampOf(nanoseconds)} ${text}\n`).join(''));
};

/** Reads one connection; `whole`: nothing is cut off at its end, which then counts. */
const read = async (place: LogPlace, bytes: Buffer, { cap = 1000, whole = false } = {}): Promise<string[]> => {
  const taken: string[] = [];
  const chunks = (async function* () {
    for (let at = 0; at < bytes.length; at += 37) yield bytes.subarray(at, at + 37);
  })();
  place.reopen();
  for await (const piece of lines(chunks, cap)) {
    if (!place.isLine(piece) || (piece.end === 'eof' && !whole)) continue;
    const line = place.take(piece);
    if (line !== undefined) taken.push(line.toString('latin1'));
  }
  return taken;
};

/** Nanoseconds from one line's stamp to the next's: bursts, pauses, two streams that meet, clocks that are set back. */
const step = (least: number) =>
  fc.oneof(
    fc.integer({ min: least, max: 3 }),
    fc.constantFrom(500_000_000, 999_999_999, 3_000_000_000, -1500, -10_000_000, -2_000_000_001),
  );

const logOf = (steps: readonly number[], text: (index: number) => string): Written[] => {
  let nanoseconds = START;
  let latest = START;
  return steps.map((gap, index) => {
    nanoseconds += BigInt(gap);
    if (nanoseconds < latest - 4_000_000_000n) nanoseconds = latest;
    if (nanoseconds > latest) latest = nanoseconds;
    return { nanoseconds, text: text(index) };
  });
};

/** Each connection: how much was written by then, and where it is cut, as shares. */
const connections = fc.array(
  fc.record({ written: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.double({ min: 0, max: 1, noNaN: true }) }),
  { maxLength: 8 },
);

test('however a log is cut and read again, each byte comes once, in order', async () => {
  const wide = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(step(0), { maxLength: 40 }), wide, connections, async (steps, widths, cuts) => {
      const log = logOf(steps, (index) => `${index}${'x'.repeat(widths[index] ?? 0)};`);
      const place = new LogPlace();
      const taken: string[] = [];
      let written = 0;
      for (const one of cuts) {
        written = Math.max(written, Math.floor(one.written * log.length));
        const bytes = sent(log.slice(0, written), place.since);
        const cut = bytes.subarray(0, Math.floor(one.cut * (bytes.length + 1)));
        taken.push(...(await read(place, cut, { cap: 64 })));
      }
      taken.push(...(await read(place, sent(log, place.since), { cap: 64, whole: true })));
      expect(taken.join('')).toBe(log.map(({ text }) => text).join(''));
      expect([place.gaps, place.end()]).toEqual([0, false]);
    }),
    { numRuns: 300 },
  );
});

test('of a log that is rotated, no line comes twice, and what is lost is said', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step(1), { maxLength: 40 }),
      connections,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 }),
      async (steps, cuts, rotations) => {
        // Stamps apart: a log of equal ones cannot be told from a shorter one.
        const log = logOf(steps, (index) => `${index};`).map((line, index) => ({
          ...line,
          nanoseconds: (line.nanoseconds / 64n) * 64n + BigInt(index),
        }));
        const place = new LogPlace();
        const taken: string[] = [];
        let written = 0;
        let begin = 0;
        const rest = (): Buffer => sent(log.slice(begin, written), place.since);
        for (const [index, one] of cuts.entries()) {
          written = Math.max(written, Math.floor(one.written * log.length));
          begin = Math.max(begin, Math.floor((rotations[index] ?? 0) * written * 0.9));
          const bytes = rest();
          taken.push(...(await read(place, bytes.subarray(0, Math.floor(one.cut * (bytes.length + 1))))));
        }
        written = log.length;
        begin = Math.max(begin, Math.floor((rotations[8] ?? 0) * written));
        taken.push(...(await read(place, rest(), { whole: true })));
        expect(new Set(taken).size).toBe(taken.length);
        if (place.gaps > 0 || place.end()) return;
        // What was rotated away before the first look, nobody knows of.
        const from = taken[0] === undefined ? log.length : log.findIndex(({ text }) => text === taken[0]);
        expect(taken).toEqual(log.slice(from).map(({ text }) => text));
      },
    ),
    { numRuns: 1000 },
  );
});

test('what has no time stamp is no line', async () => {
  const place = new LogPlace();
  const words = 'failed to watch directory "/var/log/pods/x": no space left on device';
  const line = { nanoseconds: START, text: 'a' };
  expect(await read(place, Buffer.concat([sent([line], undefined), Buffer.from(words)]), { whole: true })).toEqual([
    'a',
  ]);
  expect(await read(place, Buffer.from(`rest of a line\n${words}\n2026-01-02T03:04:61Z x\n`), { whole: true })).toEqual(
    [],
  );
});

test('the first line tells whether a log was rotated', async () => {
  const place = new LogPlace();
  const log = logOf([0, 1], (index) => `${index}`);
  await read(place, sent(log, undefined), { whole: true });
  expect(place.isOrigin(sent(log, undefined))).toBe(true);
  expect(place.isOrigin(sent(log.slice(1), undefined))).toBe(false);
});
