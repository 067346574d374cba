import { expect, test } from 'vitest';
import { formatQuantity, parseQuantity } from '../../../src/pod/quantity.ts';

test.each([
  ['cpu', '100m', 100],
  ['cpu', '1', 1000],
  ['cpu', '0.1', 100],
  ['cpu', '1.5', 1500],
  ['cpu', 2, 2000],
  ['cpu', '100u', 1],
  ['cpu', '2e3m', undefined],
  ['memory', '128Mi', 134_217_728],
  ['memory', '1.5Gi', 1_610_612_736],
  ['memory', '1e3', 1000],
  ['memory', '1E3', 1000],
  ['memory', '1E', 1e18],
  ['memory', '128974848000m', 128_974_848],
  ['memory', '1k', 1000],
  ['memory', '1n', 1],
  ['memory', '-1', -1],
  ['memory', '', undefined],
  ['memory', 'many', undefined],
  ['memory', '1e999', undefined],
])('%s %s is %s', (resource, text, units) => {
  expect(parseQuantity(resource, text)).toBe(units);
});

test.each([
  ['cpu', 0, '0'],
  ['cpu', 250, '250m'],
  ['cpu', 2000, '2'],
  ['memory', 0, '0'],
  ['memory', 1000, '1000'],
  ['memory', 1024, '1Ki'],
  ['memory', 134_217_728, '128Mi'],
  ['memory', 5_368_709_120, '5Gi'],
])('%s: %i is written %s', (resource, units, text) => {
  expect(formatQuantity(resource, units)).toBe(text);
  expect(parseQuantity(resource, text)).toBe(units);
});
