import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ANNOTATIONS, listBundle, packBundle, readObject } from 'waybill/bundle';
import { canonicalJson, type Json } from 'waybill/core';
import {
  createMemoryStore,
  type Descriptor,
  MEDIA_TYPES,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
} from 'waybill/oci';
import { tar } from '../../../src/oci/tar.ts';

const TASK = { apiVersion: 'tekton.dev/v1', kind: 'Task', metadata: { name: 'build' }, spec: { steps: [] } };
const YAML = Buffer.from('apiVersion: tekton.dev/v1\nkind: Task\n');

const annotated = (more: Record<string, string> = {}) => ({
  [ANNOTATIONS.name]: 'build',
  [ANNOTATIONS.kind]: 'task',
  [ANNOTATIONS.apiVersion]: 'v1',
  ...more,
});

/** A bundle of one layer as another tool may have written it. */
const foreign = async (layer: Uint8Array, annotations: Record<string, string> = annotated(), times = 1) => {
  const store = createMemoryStore();
  const config = await pushBlob(store, Buffer.from('{}'), MEDIA_TYPES.dockerConfig);
  const blob = await pushBlob(store, layer, 'application/octet-stream', { annotations });
  const manifest = await pushManifest(store, { config, layers: Array.from({ length: times }, () => blob) });
  return { store, manifest };
};

const read = async (layer: Uint8Array) => {
  const { store, manifest } = await foreign(layer);
  const { bytes } = await readObject(store, manifest, { kind: 'Task', name: 'build' });
  return Buffer.from(bytes).toString();
};

describe.each([false, true])('our own, tknCompat %s', (tknCompat) => {
  test('is listed and read', async () => {
    const store = createMemoryStore();
    const { bundle } = packBundle([TASK], { tknCompat, annotations: { a: 'b' } });
    if (bundle === undefined) return expect.unreachable();
    const descriptor = await pushImage(store, bundle);
    const { entries, annotations, manifest } = await listBundle(store, descriptor);
    expect(entries.map(({ kind, name, apiVersion }) => [kind, name, apiVersion])).toEqual([
      ['task', 'build', tknCompat ? 'v1' : 'tekton.dev/v1'],
    ]);
    expect(annotations).toEqual({ a: 'b' });
    expect(manifest).toEqual(descriptor);
    const { bytes } = await readObject(store, descriptor, { kind: 'TASK', name: 'build' });
    expect(Buffer.from(bytes).toString()).toBe(canonicalJson(TASK as unknown as Json));
    await expect(readObject(store, descriptor, { kind: 'task', name: 'Build' })).rejects.toMatchObject({
      code: 'NotFound',
    });
  });
});

test('an index is read as its linux/amd64 child', async () => {
  const store = createMemoryStore();
  const { bundle } = packBundle([TASK]);
  if (bundle === undefined) return expect.unreachable();
  const child = await pushImage(store, bundle);
  const on = (architecture: string): Descriptor => ({ ...child, platform: { os: 'linux', architecture } });
  const both = await pushIndex(store, [{ ...on('arm64'), digest: `sha256:${'0'.repeat(64)}` }, on('amd64')]);
  expect((await listBundle(store, both)).manifest.digest).toBe(child.digest);
  const none = await pushIndex(store, [on('arm64')]);
  await expect(listBundle(store, none)).rejects.toMatchObject({ code: 'BadBundle' });
});

describe('layers that other tools write', () => {
  const archive = tar([{ kind: 'file', path: 'build', content: YAML }]);
  test.each([
    ['raw', YAML],
    ['raw gzip', gzipSync(YAML)],
    ['tar', archive],
    ['tar gzip', gzipSync(archive)],
    ['tar with a long name', tar([{ kind: 'file', path: 'b'.repeat(200), content: YAML }])],
  ])('%s', async (_, layer) => {
    expect(await read(layer)).toBe(YAML.toString());
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'BadBundle'],
    ['broken gzip', gzipSync(YAML).subarray(0, 20), 'BadBundle'],
    ['a folder', tar([{ kind: 'directory', path: 'd' }]), 'BadBundle'],
    ['a bomb', gzipSync(Buffer.alloc(64 * 1024 * 1024)), 'TooLarge'],
    ['too much', Buffer.alloc(2 * 1024 * 1024), 'TooLarge'],
  ])('%s is refused', async (_, layer, code) => {
    await expect(read(layer)).rejects.toMatchObject({ code });
  });
});

test.each([
  ['no name', { [ANNOTATIONS.kind]: 'task', [ANNOTATIONS.apiVersion]: 'v1' }, 1],
  ['an upper-case kind', annotated({ [ANNOTATIONS.kind]: 'Task' }), 1],
  ['a plural kind', annotated({ [ANNOTATIONS.kind]: 'tasks' }), 1],
  ['21 layers', annotated(), 21],
])('%s is no bundle', async (_, annotations, times) => {
  const { store, manifest } = await foreign(YAML, annotations, times);
  await expect(listBundle(store, manifest)).rejects.toMatchObject({ code: 'BadBundle' });
});
