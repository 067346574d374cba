import { expect, test } from 'vitest';
import { warningsOf } from '../../../src/oci/registry/warning.ts';

test.each([
  ['299 - "soon over"', ['soon over']],
  ['299 - "one, with comma", 299 reg.example "two \\"quoted\\""', ['one, with comma', 'two "quoted"']],
  ['110 - "stale", 299 - "mine"', ['mine']],
  ['299 - unquoted', []],
  ['299 - ""', []],
  [null, []],
  [`299 - "${'x'.repeat(1000)}"`, ['x'.repeat(300)]],
  ['299 - "a\u0007b"', ['a b']],
])('%s', (header, expected) => {
  expect(warningsOf(header)).toEqual(expected);
});
