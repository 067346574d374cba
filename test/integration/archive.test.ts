import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  copy,
  createMemoryStore,
  imageOf,
  openArchive,
  openLayout,
  pushImage,
  pushIndex,
  pushManifest,
  writeArchive,
} from 'waybill/oci';
import { well } from '../support/bundles.ts';
import { waybill } from '../support/waybill.ts';

const run = promisify(execFile);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-archive-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const image = (size: number) => imageOf({ layers: [{ tar: randomBytes(size) }] });

/** An index of two images, one of them signed. */
const graph = async () => {
  const store = createMemoryStore();
  const children = [await pushImage(store, image(100_000)), await pushImage(store, image(7))];
  const index = await pushIndex(store, children);
  await store.tag(index, 'v1');
  const signature = await pushManifest(store, { artifactType: 'application/x.sig', subject: index });
  return { store, index, signature };
};

const states = async (from: Parameters<typeof copy>[0], tag: string) => {
  const target = createMemoryStore();
  await copy(from, tag, target, tag, { referrers: true });
  return target;
};

test('what was saved is loaded, byte for byte and with what refers to it', async () => {
  const { store, index, signature } = await graph();
  const path = join(dir, 'saved.tar');
  await writeArchive(path, (target) => copy(store, 'v1', target, 'v1', { referrers: true }));
  const loaded = await states(openArchive(path), 'v1');
  expect((await loaded.resolve('v1')).digest).toBe(index.digest);
  const found = await Array.fromAsync(loaded.referrers(index));
  expect(found.map(({ digest }) => digest)).toEqual([signature.digest]);
  expect(await Array.fromAsync(openArchive(path).tags())).toEqual(['v1']);
  expect(await Array.fromAsync(openArchive(path).referrers(index, 'application/x.other'))).toEqual([]);
  await expect(openArchive(path).resolve('v2')).rejects.toMatchObject({ code: 'NotFound' });
  expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('the same content gives the same archive, and tar reads it', async () => {
  const { store } = await graph();
  const [one, two] = [join(dir, 'one.tar'), join(dir, 'two.tar')];
  for (const path of [one, two]) await writeArchive(path, (target) => copy(store, 'v1', target, 'v1'));
  expect((await readFile(one)).equals(await readFile(two))).toBe(true);
  const unpacked = join(dir, 'unpacked');
  await mkdir(unpacked);
  await run('tar', ['-xf', one, '-C', unpacked]);
  const { stdout } = await run('tar', ['-tf', one]);
  expect(stdout.split('\n').slice(0, 2)).toEqual(['oci-layout', 'index.json']);
  expect(await Array.fromAsync(openLayout(unpacked).tags())).toEqual(['v1']);
});

test.each(['ustar', 'gnu', 'pax'])('an archive that tar wrote (%s) is read', async (format) => {
  const { store, index } = await graph();
  const folder = join(dir, `layout-${format}`);
  const path = join(dir, `${format}.tar`);
  await copy(store, 'v1', openLayout(folder), 'v1');
  await cp(join(folder, 'oci-layout'), join(folder, `x${'long-'.repeat(format === 'ustar' ? 5 : 40)}`));
  await run('tar', [`--format=${format}`, '-cf', path, '-C', folder, '.']);
  expect((await (await states(openArchive(path), 'v1')).resolve('v1')).digest).toBe(index.digest);
});

test('a failure leaves what was there, and nothing beside it', async () => {
  const path = join(dir, 'kept.tar');
  await writeFile(path, 'before');
  const failing = writeArchive(path, async () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await readFile(path, 'utf8')).toBe('before');
  expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('what is no archive, or a damaged one, is refused', async () => {
  const { store, index } = await graph();
  const path = join(dir, 'damaged.tar');
  await writeArchive(path, (target) => copy(store, 'v1', target, 'v1'));
  const whole = await readFile(path);
  const refused = async (bytes: Uint8Array): Promise<unknown> => {
    await writeFile(path, bytes);
    return states(openArchive(path), 'v1').then(
      () => 'loaded',
      (error) => error.code,
    );
  };
  expect(await refused(Buffer.from('text'))).toBe('InvalidInput');
  expect(await refused(whole.subarray(0, 50_000))).toBe('InvalidInput');
  expect(await refused(Buffer.from(whole).fill(1, 1030, 1040))).toBe('InvalidInput');
  const changed = Buffer.from(whole);
  const at = changed.indexOf(index.digest.slice(7), 0);
  changed.write('f'.repeat(8), at);
  expect(['InvalidInput', 'NotFound']).toContain(await refused(changed));
  await expect(openArchive(join(dir, 'nowhere.tar')).resolve('v1')).rejects.toMatchObject({ code: 'NotFound' });
  await expect(openArchive(path).push({ ...index }, new Uint8Array())).rejects.toMatchObject({ code: 'Usage' });
});

test('the tool reads an archive as a layout', async () => {
  const { store, index } = await graph();
  const path = join(dir, 'tool.tar');
  await writeArchive(path, (target) => copy(store, 'v1', target, 'v1'));
  well(await waybill(['copy', `oci:${path}:v1`, `oci:${join(dir, 'out')}:v2`]));
  expect((await openLayout(join(dir, 'out')).resolve('v2')).digest).toBe(index.digest);
  for (const target of [path, join(dir, 'new.tar')]) {
    expect((await waybill(['copy', `oci:${join(dir, 'out')}:v2`, `oci:${target}:v3`])).code).toBe(2);
  }
});
