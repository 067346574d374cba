import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Content,
  cached,
  contentOf,
  createMemoryStore,
  imageOf,
  openCache,
  openRegistry,
  pushImage,
  readAll,
} from 'waybill/oci';
import { well } from '../support/bundles.ts';
import { answerFrom, openFake, startFake, stopFakes } from '../support/fake-registry.ts';
import { taskOf } from '../support/objects.ts';
import { startRegistry } from '../support/registry.ts';
import { waybill } from '../support/waybill.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-cache-'));
});
afterEach(async () => {
  await stopFakes();
  await rm(dir, { recursive: true, force: true });
});

const image = imageOf({ layers: [{ tar: randomBytes(10_000) }] });
const serve = async () => {
  const memory = createMemoryStore();
  await pushImage(memory, image, { tag: 'v1' });
  return startFake((request, response) => answerFrom(memory, request, response));
};
const files = async (): Promise<string[]> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};
const contents = (count: number, size: number): Content[] =>
  Array.from({ length: count }, () => contentOf(randomBytes(size), 'application/octet-stream'));

test('content is fetched once, for all who ask at once and for those who come later', async () => {
  const { host, seen } = await serve();
  const { descriptor } = image.manifest;
  const store = cached(openFake(host), openCache(dir));
  await Promise.all(Array.from({ length: 20 }, () => readAll(store, descriptor, { cap: 1e6 })));
  expect(seen).toHaveLength(1);
  const later = cached(openFake(host), openCache(dir));
  expect(await later.resolve(descriptor.digest)).toEqual(await openFake(host).resolve('v1'));
  expect((await readAll(later, descriptor, { cap: 1e6 })).equals(image.manifest.bytes)).toBe(true);
  expect(seen).toHaveLength(2);
  await later.resolve('v1');
  expect(seen).toHaveLength(3);
});

test('what was damaged is fetched again, and what is not there is not remembered', async () => {
  const { host, seen } = await serve();
  const store = cached(openFake(host), openCache(dir));
  await readAll(store, image.manifest.descriptor, { cap: 1e6 });
  const [file] = await files();
  await writeFile(file as string, 'damaged');
  expect((await readAll(store, image.manifest.descriptor, { cap: 1e6 })).equals(image.manifest.bytes)).toBe(true);
  expect(seen).toHaveLength(2);
  const [missing] = contents(1, 10) as [Content];
  for (let round = 0; round < 2; round += 1) {
    await expect(readAll(store, missing.descriptor, { cap: 100 })).rejects.toMatchObject({ code: 'NotFound' });
  }
  expect(seen).toHaveLength(4);
});

test('content that is not what it should be is not kept', async () => {
  const [content] = contents(1, 100) as [Content];
  const { host } = await startFake((_, response) => response.end(Buffer.alloc(100)));
  const store = cached(openFake(host), openCache(dir));
  await expect(readAll(store, content.descriptor, { cap: 1e6 })).rejects.toMatchObject({ code: 'DigestMismatch' });
  expect(await files()).toEqual([]);
});

test('one who goes away does not take the others with him', async () => {
  const gone = new AbortController();
  const { host } = await startFake((_, response, count) => {
    if (count === 1) gone.abort();
    else response.end(image.manifest.bytes);
  });
  const store = cached(openFake(host), openCache(dir));
  const [first, second] = await Promise.allSettled([
    readAll(store, image.manifest.descriptor, { cap: 1e6, signal: gone.signal }),
    readAll(store, image.manifest.descriptor, { cap: 1e6 }),
  ]);
  expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled']);
});

test('what was not used for longest goes when the folder is full', async () => {
  const cache = openCache(dir, { cap: 100_000 });
  const all = contents(9, 10_000);
  for (const [index, { descriptor, bytes }] of all.entries()) {
    await cache.put(descriptor.digest, bytes);
    const path = (await files()).find((file) => file.endsWith(descriptor.digest.slice(7))) as string;
    await utimes(path, 1000 + index, 1000 + index);
  }
  // A look makes the oldest one young again.
  await cache.get((all[0] as Content).descriptor.digest);
  for (const { descriptor, bytes } of contents(2, 10_000)) await cache.put(descriptor.digest, bytes);
  const there = await Promise.all(all.map(({ descriptor }) => cache.get(descriptor.digest)));
  expect(there.map((bytes) => bytes !== undefined).slice(0, 4)).toEqual([true, false, false, true]);
  expect((await files()).length).toBeLessThanOrEqual(9);
});

test('a folder that cannot be written is no error', async () => {
  await writeFile(join(dir, 'file'), '');
  const { host } = await serve();
  const store = cached(openFake(host), openCache(join(dir, 'file')));
  expect(await readAll(store, image.manifest.descriptor, { cap: 1e6 })).toBeInstanceOf(Buffer);
});

test('processes share a folder', async () => {
  const { host, seen } = await serve();
  const program = `
    import { cached, openCache, openRegistry, readAll } from 'waybill/oci';
    const store = cached(openRegistry('${host}', 'app'), openCache(${JSON.stringify(dir)}, { cap: 20_000 }));
    for (const descriptor of ${JSON.stringify([image.manifest, ...image.blobs].map(({ descriptor }) => descriptor))}) {
      await readAll(store, descriptor, { cap: 1e6 });
    }`;
  const args = ['--conditions=@waybill/source', '--input-type=module', '--eval', program];
  const run = (): Promise<number | null> =>
    new Promise((done) => {
      const options = { cwd: join(import.meta.dirname, '../..'), stdio: 'inherit' } as const;
      spawn(process.execPath, args, options).once('close', done);
    });
  expect(await Promise.all([run(), run(), run()])).toEqual([0, 0, 0]);
  expect(seen.length).toBeLessThanOrEqual(9);
  const before = seen.length;
  expect(await run()).toBe(0);
  expect(seen).toHaveLength(before);
});

test('the tool asks for nothing but the tag the second time, and for all of it with --no-cache', async () => {
  const registry = await startRegistry();
  try {
    await writeFile(join(dir, 'task.json'), JSON.stringify(taskOf('kept', ['echo'])));
    const ref = `${registry.host}/ci/kept:1`;
    well(await waybill(['push', join(dir, 'task.json'), ref]));
    const env = { WAYBILL_CACHE: join(dir, 'content') };
    const requests = async (...args: string[]): Promise<number> => {
      const { stderr } = well(await waybill(['resolve', `${ref}#task/kept`, '--debug', ...args], { env }));
      return stderr.split('\n').filter((line) => /^\d+ > (?:GET|HEAD) /.test(line)).length;
    };
    const [cold, warm, anew] = [await requests(), await requests(), await requests('--no-cache')];
    expect([warm, anew]).toEqual([1, cold]);
    expect(cold).toBeGreaterThan(1);
    expect((await stat(join(dir, 'content'))).mode & 0o777).toBe(0o700);
    const { digest } = await openRegistry(registry.host, 'ci/kept').resolve('1');
    await registry.stop();
    const offline = await waybill(['resolve', `${registry.host}/ci/kept@${digest}#task/kept`], { env });
    expect(well(offline).stdout).toContain('"kept"');
  } finally {
    await registry.stop();
  }
});
