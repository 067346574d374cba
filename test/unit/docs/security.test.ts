import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const text = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

/** Tests as the document names them: `FILE: NAME`. */
const named = [...text.matchAll(/`(?<file>(?:e2e|unit|agent)\/[^:`]+): (?<name>[^`]+)`/g)].map(({ groups }) => ({
  file: groups?.file ?? '',
  name: groups?.name ?? '',
}));

const sourceOf = (file: string): string => {
  if (!file.startsWith('agent/')) return readFileSync(join(ROOT, `test/${file}.test.ts`), 'utf8');
  const folder = join(ROOT, 'agent/internal', file.slice('agent/'.length));
  const tests = readdirSync(folder).filter((name) => name.endsWith('_test.go'));
  return tests.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
};

const stands = (file: string, name: string): boolean => {
  const source = sourceOf(file);
  return file.startsWith('agent/')
    ? source.includes(`\nfunc ${name}(t *testing.T)`)
    : source.includes(`'${name}'`) || source.includes(`\`${name}\``);
};

test('docs/security.md names tests', () => expect(named.length).toBeGreaterThan(40));

test.each(named)('$file has the test $name', ({ file, name }) => {
  expect(stands(file, name)).toBe(true);
});

test('every hostile step of the tests stands in docs/security.md', () => {
  const [, table = ''] = sourceOf('e2e/hostile').split(/\nconst HOSTILE[^\n]*\n/);
  const [cases = ''] = table.split('\n};');
  const steps = [...cases.matchAll(/^ {2}'([^']+)':/gm)].map(([, name = '']) => name);
  expect(steps.length).toBeGreaterThan(15);
  expect(steps.filter((name) => !named.some((one) => one.name === name))).toEqual([]);
});

test.each(['policy.md', 'rbac.md', 'faults.md'])('what it links to is there: %s', (file) => {
  expect(readdirSync(dirname(join(ROOT, 'docs', file)))).toContain(file);
});
