import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkTogether, loadObjects } from '../../../src/tekton/index.ts';

const FOLDER = join(import.meta.dirname, '../../../fixtures/bad');

/** Findings of each file, as they are to run: code, line and column. Warnings have a `?`. */
const EXPECTED: Record<string, readonly string[]> = {
  'anchors.yaml': ['too-many-aliases 5:36'],
  'broken.yaml': ['yaml-syntax 10:1', 'yaml-syntax 10:1'],
  'cycle.yaml': ['dag-cycle 9:13'],
  'duplicate-key.yaml': ['duplicate-key 10:7'],
  'missing-param.yaml': [
    'missing-param 26:7',
    'param-type 31:18',
    'unknown-param? 32:17',
    'missing-workspace 26:7',
    'unknown-result 36:14',
  ],
  'names.yaml': [
    'bad-name 4:9',
    'duplicate-name 8:13',
    'bad-name 9:13',
    'param-type 10:16',
    'duplicate-name 19:13',
    'bad-duration 17:16',
    'bad-value 18:16',
    'exclusive-fields 16:7',
  ],
  'required-field.yaml': ['required-field 7:7', 'required-field 8:10'],
  'unknown-field.yaml': ['unknown-field 8:7', 'unknown-field 11:7'],
  'unknown-task.yaml': ['unknown-task 9:18', 'unknown-task 12:18', 'unknown-task 16:18'],
  'unsupported.yaml': ['unsupported-field 6:3', 'unsupported-field 13:7', 'step-needs-command 10:7'],
  'variables.yaml': [
    'unknown-param 19:14',
    'param-type 19:29',
    'param-type 19:47',
    'missing-key 20:14',
    'unknown-result 20:36',
    'unknown-workspace 21:12',
    'unknown-step 21:36',
    'unknown-variable 21:57',
    'param-type 24:48',
  ],
  'wrong-type.yaml': ['wrong-type 6:14', 'wrong-type 11:16', 'wrong-type 14:15'],
};

const findings = (text: string, file: string, strictness?: 'lint') => {
  const { objects, diagnostics } = loadObjects(text, file, strictness === undefined ? {} : { strictness });
  return [...diagnostics, ...checkTogether(objects)];
};

describe('bad input', () => {
  test('every file is expected', () => {
    expect(readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))).toEqual(Object.keys(EXPECTED));
  });

  test.each(Object.entries(EXPECTED))('%s', (name, expected) => {
    const found = findings(readFileSync(join(FOLDER, name), 'utf8'), name);
    expect(
      found.map(
        ({ code, severity, range }) =>
          `${code}${severity === 'warning' ? '?' : ''} ${range?.start.line}:${range?.start.column}`,
      ),
    ).toEqual(expected);
    expect(found.every(({ file }) => file === name)).toBe(true);
  });

  test('a file of 10 MB is refused unread', () => {
    const found = findings('# filler\n'.repeat(1_200_000), 'large.yaml');
    expect(found).toMatchObject([{ code: 'file-too-large', severity: 'error', file: 'large.yaml' }]);
  });

  test('what cannot run yet is a warning for lint', () => {
    const found = findings(readFileSync(join(FOLDER, 'unsupported.yaml'), 'utf8'), 'unsupported.yaml', 'lint');
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['unsupported-field', 'warning'],
      ['unsupported-field', 'warning'],
      ['step-needs-command', 'warning'],
    ]);
  });

  test('the cycle is named, and misspelt words have a hint', () => {
    const hints = Object.keys(EXPECTED).flatMap((name) =>
      findings(readFileSync(join(FOLDER, name), 'utf8'), name).flatMap(({ hint }) => hint ?? []),
    );
    expect(hints).toEqual(
      expect.arrayContaining(['image', 'test', 'wanted', 'out', 'text'].map((word) => `did you mean "${word}"?`)),
    );
    expect(findings(readFileSync(join(FOLDER, 'cycle.yaml'), 'utf8'), 'c')[0]?.message).toContain('a → c → b → a');
  });
});
