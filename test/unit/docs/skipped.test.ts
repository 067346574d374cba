import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

/** All end-to-end tests, and the unit tests that docs/security.md names. */
const FILES = [
  ...readdirSync(join(ROOT, 'test/e2e'))
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `e2e/${file}`),
  ...new Set(
    [...readFileSync(join(ROOT, 'docs/security.md'), 'utf8').matchAll(/`(unit\/[^:`]+): /g)].map(
      ([, file]) => `${file}.test.ts`,
    ),
  ),
];

/**
 * Why a test may be left out, by the name of the condition: `own` (the cluster is the harness's, and not another one that
 * must not be disturbed), `canMount` (Linux, as root), `present` (the catalog is on this machine).
 */
const CONDITIONS = 'own|canMount|present';

const CONDITIONAL = new RegExp(
  String.raw`\.(?:skipIf\(!(?:${CONDITIONS})\)|runIf\((?:${CONDITIONS})\))|\((?:${CONDITIONS}) \? [\w.]+ : (?:test|describe)\.skip\)`,
  'g',
);
const LEFT_OUT =
  /\.(?:skip|skipIf|runIf|only|todo|fails)\b|\b(?:xtest|xit|xdescribe)\b|\b(?:skip|only|todo|fails): true\b/g;

/** Tekton's variables, which may have such names: `$(tasks.fails.status)`. */
const VARIABLE = /\$\([\w.*[\]-]+\)/g;

/** What leaves a test out, or all others, for no reason that is known here. */
const leftOut = (source: string): readonly string[] =>
  [...source.replaceAll(CONDITIONAL, '').replaceAll(VARIABLE, '').matchAll(LEFT_OUT)].map(([found]) => found);

test.each(FILES)('no test of %s is left out, so that what documents name is run', (file) => {
  expect(leftOut(readFileSync(join(ROOT, 'test', file), 'utf8'))).toEqual([]);
});

test.each([
  "test.skip('x', () => {})",
  "test.concurrent.only('x', () => {})",
  "describe.todo('x')",
  "test.skipIf(true)('x', () => {})",
  "test.runIf(false).each([])('x', () => {})",
  "(own ? test.skip : test)('x', () => {})",
  "test('x', { skip: true }, () => {})",
  'context.skip()',
])('%s is found', (source) => {
  expect(leftOut(source)).toHaveLength(1);
});

test.each([
  "test.skipIf(!own)('x', () => {})",
  "(own ? describe.concurrent : describe.skip)('x', () => {})",
  "script: 'echo $(tasks.fails.status)'",
])('%s has its reason', (source) => {
  expect(leftOut(source)).toEqual([]);
});
