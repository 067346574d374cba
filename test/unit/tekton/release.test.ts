import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkTogether, loadObjects, referencesIn } from '../../../src/tekton/index.ts';

const FOLDER = join(import.meta.dirname, '../../../fixtures/release');
const loaded = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => loadObjects(readFileSync(join(FOLDER, name), 'utf8'), name));
const objects = loaded.flatMap((one) => one.objects);

test('our release pipeline has no findings', () => {
  expect(loaded.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
  expect(checkTogether(objects)).toEqual([]);
});

test('its references name objects that are there', () => {
  const names = objects.map(({ object }) => `${object.kind}/${object.metadata.name}`);
  const wanted = objects.flatMap(({ object }) =>
    referencesIn(object).map(({ kind, target }) => `${kind}/${target.kind === 'name' ? target.name : '?'}`),
  );
  expect(wanted).toHaveLength(7);
  expect(names).toEqual(expect.arrayContaining(wanted));
});
