import { describe, expect, test } from 'vitest';
import {
  completeItems,
  completeText,
  completeValue,
  conditionHolds,
  isMissing,
  isSettled,
  type Known,
  settledText,
  settleItems,
  settleText,
  settleValue,
  type Text,
} from '../../../src/plan/index.ts';
import type { ParamValue } from '../../../src/tekton/index.ts';

const RESULTS: Record<string, ParamValue> = {
  '0/digest': 'sha256:1',
  '0/tags': ['a', 'b'],
  '0/repo': { url: 'u', rev: '$(params.x)' },
};
const known = {
  result: (task, name) => RESULTS[`${task}/${name}`],
  stepResult: (step, name) => (step === 1 && name === 'out' ? ['x'] : undefined),
  status: (task) => (task === 'all' ? 'Completed' : 'Failed'),
  reason: () => 'StepFailed',
  retryCount: 2,
  env: (name) => (name === 'HOME' ? '/root' : undefined),
} satisfies Known;
const nothing = { result: () => undefined } satisfies Known;

describe('completeText', () => {
  test.each<[string, Text, string]>([
    ['nothing', [], ''],
    ['literals', ['a', '', '$(b)'], 'a$(b)'],
    ['a string result', ['v', { task: 0, result: 'digest' }], 'vsha256:1'],
    ['an element', [{ task: 0, result: 'tags', index: 1 }], 'b'],
    ['a key, whose content is not read again', [{ task: 0, result: 'repo', key: 'rev' }], '$(params.x)'],
    ['a step result', [{ step: 1, result: 'out', index: 0 }], 'x'],
    [
      'status, all status and reason',
      [{ status: 0 }, '/', { status: 'all' }, '/', { reason: 0 }],
      'Failed/Completed/StepFailed',
    ],
    ['the retry count', [{ retryCount: true }], '2'],
    ['an environment variable', [{ env: 'HOME' }], '/root'],
    ['a variable without a value, as Kubernetes leaves it', [{ env: 'NONE' }], '$(NONE)'],
  ])('%s', (_, text, expected) => {
    expect(completeText(text, known)).toBe(expected);
  });

  test.each<[string, Text]>([
    ['an unknown result', [{ task: 9, result: 'digest' }]],
    ['an element out of range', [{ task: 0, result: 'tags', index: 2 }]],
    ['an array without an index', [{ task: 0, result: 'tags' }]],
    ['a string with an index', [{ task: 0, result: 'digest', index: 0 }]],
    ['a key that is inherited only', [{ task: 0, result: 'repo', key: 'toString' }]],
    ['an object without a key', [{ task: 0, result: 'repo' }]],
    ['an unknown step result', [{ step: 0, result: 'out' }]],
  ])('%s is missing', (_, text) => {
    expect(completeText(['a', ...text], known)).toMatchObject({ reference: text[0] });
  });

  test('what has no getter is missing', () => {
    const texts: Text[] = [[{ status: 1 }], [{ reason: 1 }], [{ retryCount: true }], [{ env: 'A' }]];
    expect(texts.map((text) => isMissing(completeText(text, nothing)))).toEqual([true, true, true, true]);
  });
});

test('a splat becomes as many items as the array has', () => {
  const items = [
    { text: ['-t'] },
    { splat: { task: 0, result: 'tags' } },
    { text: [{ step: 1, result: 'out', index: 0 }] },
  ];
  expect(completeItems(items, known)).toEqual(['-t', 'a', 'b', 'x']);
  expect(completeItems([{ splat: { task: 0, result: 'digest' } }], known)).toMatchObject({
    reference: { result: 'digest' },
  });
});

test('values of each kind', () => {
  expect(completeValue({ kind: 'string', text: [{ task: 0, result: 'digest' }] }, known)).toBe('sha256:1');
  expect(completeValue({ kind: 'array', items: [{ splat: { task: 0, result: 'tags' } }] }, known)).toEqual(['a', 'b']);
  expect(completeValue({ kind: 'whole', task: 0, result: 'repo' }, known)).toEqual(RESULTS['0/repo']);
  expect(completeValue({ kind: 'object', entries: { missing: ['a'] } }, known)).toEqual({ missing: 'a' });
  expect(isMissing(completeValue({ kind: 'whole', task: 0, result: 'digest' }, known))).toBe(true);
  expect(isMissing(completeValue({ kind: 'object', entries: { a: [{ task: 7, result: 'r' }] } }, known))).toBe(true);
});

describe('conditionHolds', () => {
  const holds = { input: [{ task: 0, result: 'digest' }], operator: 'in', values: [{ text: ['sha256:1'] }] } as const;
  const fails = { input: ['a'], operator: 'in', values: [] } as const;
  const unknown = { input: [{ task: 5, result: 'r' }], operator: 'notin', values: [] } as const;

  test('all must hold; none is true', () => {
    expect(conditionHolds([], known)).toBe(true);
    expect(conditionHolds([holds], known)).toBe(true);
    expect(conditionHolds([holds, fails], known)).toBe(false);
    expect(conditionHolds([{ ...fails, operator: 'notin' }], known)).toBe(true);
  });

  test('a missing reference comes before an expression that is false', () => {
    expect(conditionHolds([fails, unknown], known)).toMatchObject({ reference: { task: 5 } });
  });
});

describe('settle', () => {
  test('puts in what is known, joins literals and leaves the rest', () => {
    const text: Text = ['a', { task: 0, result: 'digest' }, 'b', { task: 3, result: 'r' }, { step: 0, result: 's' }];
    expect(settleText(text, known)).toEqual(['asha256:1b', { task: 3, result: 'r' }, { step: 0, result: 's' }]);
    expect(settleItems([{ splat: { task: 0, result: 'tags' } }, { splat: { task: 3, result: 'r' } }], known)).toEqual([
      { text: ['a'] },
      { text: ['b'] },
      { splat: { task: 3, result: 'r' } },
    ]);
    expect(settleValue({ kind: 'whole', task: 0, result: 'repo' }, known)).toEqual({
      kind: 'object',
      entries: { url: ['u'], rev: ['$(params.x)'] },
    });
  });

  test('knows settled texts', () => {
    expect(isSettled(['a', 'b'])).toBe(true);
    expect(settledText(['a', 'b'])).toBe('ab');
    expect(settledText(['a', { retryCount: true }])).toBeUndefined();
  });
});
