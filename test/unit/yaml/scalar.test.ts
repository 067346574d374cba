import { expect, test } from 'vitest';
import { resolvePlain } from '../../../src/yaml/index.ts';

test.each([
  ['yes', true],
  ['Off', false],
  ['y', true],
  ['N', false],
  ['yEs', 'yEs'],
  ['', null],
  ['~', null],
  ['NULL', null],
  ['0644', 420],
  ['0o644', 420],
  ['0x1F', 31],
  ['-0b11', -3],
  ['1_000', 1000],
  ['08', 8],
  ['1e3', 1000],
  ['.5', 0.5],
  ['-1.5e-2', -0.015],
  ['1e999', '1e999'],
  ['12:30:45', '12:30:45'],
  ['2024-01-01', '2024-01-01'],
  ['1.2.3', '1.2.3'],
  ['-', '-'],
  ['v1', 'v1'],
  ['1Gi', '1Gi'],
  ['constructor', 'constructor'],
])('%s', (text, value) => {
  expect(resolvePlain(text)).toBe(value);
});

test.each(['9007199254740993', '.inf', '-.INF', '.nan', '99999999999999999999'])('%s cannot be held', (text) => {
  expect(resolvePlain(text)).toEqual({ problem: 'unsafe-number' });
});
