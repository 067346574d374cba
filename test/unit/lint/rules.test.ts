import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyEdits, lint, RULES, readLintConfig, withoutIgnored } from '../../../src/lint/index.ts';
import { loadObjects } from '../../../src/tekton/index.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/lint');

const findingsOf = (text: string, config = readLintConfig('version: 1', 'c').config) => {
  const { objects, diagnostics } = loadObjects(text, 'task.yaml', { strictness: 'lint' });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return lint(objects, config);
};
const codesOf = (text: string): readonly string[] => findingsOf(text).map(({ diagnostic }) => diagnostic.code);
const fixture = (code: string, file: 'bad' | 'good'): string =>
  readFileSync(join(FIXTURES, code, `${file}.yaml`), 'utf8');

test('every rule has its fixtures, and every fixture its rule', () => {
  const folders = readdirSync(FIXTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(RULES.map(({ code }) => code).sort());
});

describe.each(RULES)('$code', ({ code }) => {
  test('is found where it should be, with its place', () => {
    const found = findingsOf(fixture(code, 'bad'));
    expect(found.map(({ diagnostic }) => diagnostic.code)).toEqual([code]);
    expect(found[0]?.diagnostic).toMatchObject({ file: 'task.yaml', severity: 'warning', range: expect.anything() });
  });

  test('and nowhere else', () => {
    expect(codesOf(fixture(code, 'good'))).toEqual([]);
  });
});

describe('a sure fix', () => {
  test.each(['literal-path', 'old-version'])(
    'of %s leaves nothing to find, and the rest of the file as it was',
    (code) => {
      const before = fixture(code, 'bad');
      const edits = findingsOf(before).flatMap(({ edit }) => (edit === undefined ? [] : [edit]));
      expect(edits).toHaveLength(1);
      const after = applyEdits(before, edits);
      expect(codesOf(after)).toEqual([]);
      const lines = before.split('\n');
      expect(after.split('\n').filter((line, index) => line !== lines[index])).toHaveLength(1);
    },
  );

  test('is not offered where v1beta1 means something else', () => {
    const text = fixture('old-version', 'bad').replace('spec:\n', 'spec:\n  resources: {}\n');
    const { objects } = loadObjects(text, 'task.yaml', { strictness: 'lint' });
    expect(lint(objects).filter(({ edit }) => edit !== undefined)).toEqual([]);
  });

  test('is not offered where escapes hide what to replace', () => {
    const text = fixture('literal-path', 'bad').replace(
      /script: \|[\s\S]*$/,
      'script: "printf abc > \\u002ftekton/results/commit"\n',
    );
    expect(findingsOf(text)).toMatchObject([{ diagnostic: { code: 'literal-path' } }]);
    expect(findingsOf(text)[0]).not.toHaveProperty('edit');
  });

  test('edits that overlap are put in one after the other', () => {
    const at = (start: number, end: number, text: string) => ({
      range: { start: { line: 1, column: 1, offset: start }, end: { line: 1, column: 1, offset: end } },
      text,
    });
    expect(applyEdits('abcdef', [at(2, 4, 'X'), at(0, 1, 'Y'), at(3, 5, 'Z')])).toBe('YbXef');
  });
});

describe('an ignore comment', () => {
  const ignored = (text: string): readonly string[] =>
    withoutIgnored(
      text,
      'task.yaml',
      findingsOf(text).map(({ diagnostic }) => diagnostic),
    ).map(({ code }) => code);
  const bad = fixture('unpinned-image', 'bad');

  test.each([
    ['at the end of the line', bad.replace('bash:5.0.18', 'bash:5.0.18 # waybill-ignore: unpinned-image')],
    ['alone on the line before', bad.replace('      image:', '      # waybill-ignore: unpinned-image\n      image:')],
    [
      'with several codes, and a reason behind them',
      bad
        .replace('bash:5.0.18', 'bash # waybill-ignore: floating-image (moved by us alone)')
        .replace('floating-image (', 'floating-image ('),
    ],
  ])('%s takes a finding back', (_, text) => {
    expect(ignored(text)).toEqual([]);
  });

  test('that takes nothing back is a finding', () => {
    expect(ignored(bad.replace('bash:5.0.18', 'bash:5.0.18 # waybill-ignore: host-path'))).toEqual([
      'unpinned-image',
      'unused-ignore',
    ]);
  });
});

describe('a configuration', () => {
  const bad = fixture('unpinned-image', 'bad');

  test('sets the level of a rule', () => {
    const { config } = readLintConfig('version: 1\nrules: {unpinned-image: error}', 'c');
    expect(findingsOf(bad, config)).toMatchObject([{ diagnostic: { severity: 'error' } }]);
    expect(findingsOf(bad, readLintConfig('version: 1\nrules: {unpinned-image: off}', 'c').config)).toEqual([]);
  });

  test.each([
    ['a rule that does not exist', 'version: 1\nrules: {no-such-rule: off}'],
    ['a level that does not exist', 'version: 1\nrules: {unpinned-image: loud}'],
    ['another field', 'version: 1\nignore: []'],
    ['another version', 'version: 2'],
  ])('with %s is refused, with its place', (_, text) => {
    const { diagnostics } = readLintConfig(text, 'lint.yaml');
    expect(diagnostics).toMatchObject([{ code: 'bad-lint-config', severity: 'error', file: 'lint.yaml' }]);
    expect(diagnostics[0]).toHaveProperty('range');
  });
});

describe('what rules must not find', () => {
  const spec = (body: string): string =>
    `apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p, labels: {app.kubernetes.io/version: '1'}}\nspec:\n  description: d\n${body}`;

  test('a param that an embedded Task uses, or that is given on', () => {
    const text = spec(`  params: [{name: a}, {name: b}, {name: c.d}]
  tasks:
    - name: one
      params: [{name: x, value: $(params.b)}]
      taskRef: {name: t}
    - name: two
      taskSpec:
        steps: [{image: '$(params.c.d)', command: [echo], args: ['$(params.a)']}]
`);
    expect(codesOf(text)).toEqual([]);
  });

  test('a workspace that a task is bound to by its own name', () => {
    const text = spec(`  workspaces: [{name: shared}, {name: other}]
  tasks:
    - name: one
      workspaces: [{name: shared}, {name: src, workspace: other}]
      taskRef: {name: t}
`);
    expect(codesOf(text)).toEqual([]);
  });
});
