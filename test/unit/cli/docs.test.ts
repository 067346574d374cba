import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generate } from '../../../scripts/docs.ts';
import { FINDINGS } from '../../../src/core/findings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** JSON is laid out by the formatter. */
const contentOf = (path: string, text: string): unknown => (path.endsWith('.json') ? JSON.parse(text) : text);

const generated = await generate();

test.each(Object.keys(generated))('%s is what scripts/docs.ts writes', (path) => {
  expect(contentOf(path, read(path))).toEqual(contentOf(path, generated[path] as string));
});

/** Reasons of a verdict are data of their own, no diagnostics. */
const OTHERS = ['src/trust/policy/decide.ts', 'src/trust/verify.ts'];

test('the table of findings holds every code that the sources report, and no other', () => {
  const files = ['src', 'cli'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((name) => name.endsWith('.ts') && !OTHERS.includes(name)),
  );
  const sources = files.filter((name) => name !== 'src/core/findings.ts').map((name) => [name, read(name)] as const);
  const reported = sources.flatMap(([name, text]) =>
    [
      ...text.matchAll(/(?:\bcode: |\b(?:report|problem|finding|error)\(\s*|\brefuse\([^']*)'([a-z]+(?:-[a-z]+)+)'/g),
    ].map(([, code]) => (name === 'src/trust/policy/read.ts' ? `policy-${code}` : (code as string))),
  );
  expect(reported.filter((code) => !(code in FINDINGS))).toEqual([]);
  const all = sources.map(([, text]) => text).join('\n');
  const unused = Object.keys(FINDINGS).filter(
    (code) => !all.includes(`'${code}'`) && !all.includes(`'${code.replace(/^policy-/, '')}'`),
  );
  expect(unused).toEqual([]);
});
