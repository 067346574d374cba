import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { imageOf, openLayout, pushImage } from 'waybill/oci';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-layout-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const tagsOf = async (folder: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const tag of openLayout(folder).tags()) found.push(tag);
  return found;
};

/** A process that pushes and tags ten images of its own. */
const writer = (folder: string, name: string): Promise<number | null> => {
  const program = `
    import { imageOf, openLayout, pushImage } from 'waybill/oci';
    const store = openLayout(${JSON.stringify(folder)});
    for (let n = 0; n < 10; n += 1) {
      await pushImage(store, imageOf({ layers: [], config: { User: '${name}' + n } }), { tag: '${name}-' + n });
    }`;
  const args = ['--conditions=@waybill/source', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { cwd: join(import.meta.dirname, '../..'), stdio: 'inherit' });
  return new Promise((resolve) => child.once('close', resolve));
};

test('four processes that write to one folder lose nothing', async () => {
  const folder = join(dir, 'shared');
  const names = ['a', 'b', 'c', 'd'];
  expect(await Promise.all(names.map((name) => writer(folder, name)))).toEqual([0, 0, 0, 0]);
  expect(await tagsOf(folder)).toHaveLength(40);
  expect((await readdir(folder)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

test('a lock that a dead process left is taken over', async () => {
  const folder = join(dir, 'dead');
  const image = imageOf({ layers: [] });
  await pushImage(openLayout(folder), image, { tag: 'before' });
  const lock = join(folder, 'index.json.lock');
  await writeFile(lock, '');
  await utimes(lock, 1, 1);
  await pushImage(openLayout(folder), image, { tag: 'after' });
  expect(await tagsOf(folder)).toEqual(['after', 'before']);
});
