import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { advance } from 'waybill/engine';
import { decodeRecord, encodeRecord, newRecord, PART_LIMIT, recordCodec } from 'waybill/record';
import { planOf } from '../engine/fixture.ts';

const plan = planOf([{ name: 'a' }, { name: 'b', needs: [0], retries: 1 }]);
const record = newRecord(plan, { uid: 'u1', createdAt: 1000, agentImage: 'agent:1' });
const begun = { ...record, state: advance(plan, record.state, { kind: 'begin', at: 2000 }).state };
const zipped = (value: unknown): Uint8Array => gzipSync(JSON.stringify(value));

test('a record comes back as it went', () => {
  expect(decodeRecord(encodeRecord(begun))).toEqual(begun);
  expect(encodeRecord(begun)).toEqual(encodeRecord(structuredClone(begun)));
});

test('a large record is split, and joined again', () => {
  // Hex digits of a counter's hash: compresses to about half.
  let seed = 1;
  const noise = Array.from({ length: 3_000_000 }, () => {
    seed = (seed * 48271) % 2147483647;
    return (seed % 36).toString(36);
  }).join('');
  const [first, ...others] = begun.state.nodes;
  const large = { ...begun, state: { ...begun.state, nodes: [{ ...first!, results: { r: noise } }, ...others] } };
  const parts = encodeRecord(large);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.every((part) => part.length <= PART_LIMIT)).toBe(true);
  expect(decodeRecord(parts)).toEqual(large);
  expect(() => decodeRecord(parts.slice(0, 1))).toThrow(expect.objectContaining({ code: 'BadRecord' }));
});

test.each([
  ['no gzip', [Buffer.from('{}')]],
  ['another version', [zipped({ ...begun, version: 2 })]],
  ['an unknown field', [zipped({ ...begun, extra: true })]],
  ['another plan', [zipped({ ...begun, plan: { ...plan, name: 'other' } })]],
  ['a state of another plan', [zipped({ ...begun, state: { ...begun.state, nodes: [] } })]],
  ['a broken state', [zipped({ ...begun, state: { ...begun.state, phase: 'flying' } })]],
  ['too large a part', [Buffer.alloc(PART_LIMIT + 1)]],
])('%s is refused', (_, parts) => {
  expect(() => decodeRecord(parts)).toThrow(expect.objectContaining({ code: 'BadRecord' }));
});

test('a summary tells how the run stands', () => {
  expect(recordCodec.summary(record)).toMatchObject({
    'waybill.dev/status': 'Unknown',
    'waybill.dev/reason': 'Started',
  });
  expect(recordCodec.summary(begun)).toMatchObject({ 'waybill.dev/started': '1970-01-01T00:00:02.000Z' });
});
