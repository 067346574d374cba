import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { readOutput } from '../support/output.ts';
import { waybill } from '../support/waybill.ts';

const RELEASE = resolve(import.meta.dirname, '../../fixtures/release');

let dir: string;
let bundle: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-explain-'));
  bundle = `oci:${join(dir, 'out')}:1`;
  well(await waybill(['pack', RELEASE, '-t', bundle]));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const explain = async (text: string): Promise<unknown> =>
  readOutput('explain', well(await waybill(['explain', text, '-o', 'json'])).stdout);

describe('explain', () => {
  test('says the same of an object in files and in a bundle', async () => {
    const pipeline = await explain(bundle);
    expect(pipeline).toMatchObject({
      kind: 'Pipeline',
      name: 'release',
      params: expect.arrayContaining([expect.objectContaining({ name: 'version', type: 'string' })]),
      tasks: expect.arrayContaining([expect.objectContaining({ finally: true })]),
    });
    expect(await explain(RELEASE)).toEqual(pipeline);
    const task = await explain(`${bundle}#task/lint`);
    expect(task).toMatchObject({ kind: 'Task', name: 'lint', tasks: [] });
    expect(await explain(join(RELEASE, 'tasks/lint.yaml'))).toEqual(task);
  });

  test('fetches no layer but that of the object', async () => {
    const { listBundle } = await import('../../src/bundle/index.ts');
    const { openLayout } = await import('../../src/oci/index.ts');
    const store = openLayout(join(dir, 'out'));
    const { entries } = await listBundle(store, await store.resolve('1'));
    for (const { kind, name, layer } of entries) {
      if (kind !== 'task' || name !== 'lint') await store.deleteBlob(layer.digest);
    }
    expect(await explain(`${bundle}#task/lint`)).toMatchObject({ name: 'lint' });
    expect((await waybill(['explain', bundle])).code).toBe(3);
  });

  test.each([
    ['an object that is not there', () => `${RELEASE}#task/nothing`, 3],
    ['several objects', () => join(RELEASE, 'tasks'), 2],
  ])('%s is refused', async (_, text, code) => {
    expect((await waybill(['explain', text()])).code).toBe(code);
  });
});
