import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PackObject, packBundle } from 'waybill/bundle';
import golden from '../../../fixtures/golden/bundles.json' with { type: 'json' };

const task = (name: string, more: object = {}): PackObject =>
  ({
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { steps: [{ image: 'busybox', script: 'echo hi\n' }], ...more },
  }) as PackObject;

const OBJECTS: readonly PackObject[] = [
  task('build'),
  task('test', { description: 'ünï' }),
  { ...task('build'), kind: 'Pipeline' },
  { ...task('clone'), kind: 'StepAction', apiVersion: 'tekton.dev/v1beta1' },
  task('n'.repeat(140)),
];

const codes = (objects: readonly PackObject[]) => packBundle(objects).diagnostics.map(({ code }) => code);
const digestOf = (objects: readonly PackObject[], options = {}) =>
  packBundle(objects, options).bundle?.manifest.descriptor.digest;

describe('digests', () => {
  test('are the golden ones', () => {
    expect(digestOf(OBJECTS)).toBe(golden.plain);
    expect(digestOf(OBJECTS, { tknCompat: true })).toBe(golden.tkn);
    const annotations = { 'org.opencontainers.image.version': '1.0.0', 'org.opencontainers.image.title': 'golden' };
    expect(digestOf(OBJECTS, { annotations, created: '2026-01-01T00:00:00Z' })).toBe(golden.annotated);
  });

  test('do not depend on the order of objects or of their keys', () => {
    const reversed = (object: PackObject): PackObject =>
      Object.fromEntries(Object.entries(object).reverse()) as unknown as PackObject;
    fc.assert(
      fc.property(fc.shuffledSubarray([...OBJECTS], { minLength: OBJECTS.length }), (shuffled) => {
        expect(digestOf(shuffled)).toBe(golden.plain);
        expect(digestOf(shuffled.map(reversed))).toBe(golden.plain);
      }),
    );
  });
});

test('layers are sorted by kind, name and version', () => {
  const manifest = JSON.parse(Buffer.from(packBundle(OBJECTS).bundle?.manifest.bytes ?? []).toString());
  const names = manifest.layers.map((layer: { annotations: Record<string, string> }) =>
    ['kind', 'name', 'apiVersion'].map((key) => layer.annotations[`dev.tekton.image.${key}`]).join(' '),
  );
  expect(names).toEqual([...names].sort());
  expect(names[0]).toBe('pipeline build tekton.dev/v1');
});

test('what Tekton would refuse is a finding', () => {
  const many = Array.from({ length: 21 }, (_, index) => task(`t${index}`));
  expect(codes([])).toEqual(['bundle-empty']);
  expect(codes(many.slice(1))).toEqual([]);
  expect(codes(many)).toEqual(['bundle-too-many']);
  expect(codes([task('a'), task('a', { description: 'other' })])).toEqual(['object-duplicate']);
  expect(codes([task('a'), { ...task('a'), kind: 'Pipeline' }])).toEqual([]);
  expect(codes([task('../a')])).toEqual(['object-name']);
  expect(codes([task('')])).toEqual(['object-name']);
  expect(codes([{ ...task('a'), kind: 'Tasks' }])).toEqual(['object-kind']);
});

test('a large object is a warning, a larger one a refusal', () => {
  const large = packBundle([task('a', { description: 'x'.repeat(1024 * 1024) })]);
  expect(large.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['object-large', 'warning']]);
  expect(large.bundle).toBeDefined();
  const larger = packBundle([task('a', { description: 'x'.repeat(1.5 * 1024 * 1024) })]);
  expect(larger.diagnostics.map(({ code }) => code)).toEqual(['object-too-large']);
  expect(larger.bundle).toBeUndefined();
});
