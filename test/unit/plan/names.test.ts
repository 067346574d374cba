import { expect, test } from 'vitest';
import { childName, claimNameFor, RUN_NAME_LIMIT, runNameFor } from '../../../src/plan/index.ts';

test.each([
  ['asdf', '-deployment', 'asdf-deployment'],
  ['f'.repeat(63), '-deployment', 'ffffffffffffffffffff105d7597f637e83cc711605ac3ea4957-deployment'],
  ['f'.repeat(63), '-deploy', 'ffffffffffffffffffffffff105d7597f637e83cc711605ac3ea4957-deploy'],
])('childName of %s and %s', (parent, suffix, expected) => {
  expect(childName(parent, suffix)).toBe(expected);
});

test('childName keeps 63 bytes whatever the suffix', () => {
  const long = childName('run', `-${'s'.repeat(70)}`);
  expect(long).toMatch(/^run[0-9a-f]{32}-s{27}$/);
  expect(childName('f'.repeat(40), `-${'s'.repeat(70)}`)).toMatch(/^f{31}[0-9a-f]{32}$/);
  expect(childName('p'.repeat(30), `-${'s'.repeat(33)}`)).toMatch(/^p{30}[0-9a-f]{32}$/);
  expect(childName('a'.repeat(60), `-${'b'.repeat(29)}`)).toHaveLength(63);
});

test('run names are DNS labels that leave room', () => {
  expect(runNameFor('build', 'x7k2p')).toBe('build-x7k2p');
  expect(runNameFor('Build_It.Now', 'x7k2p')).toBe('build-it-now-x7k2p');
  expect(runNameFor('---', 'x7k2p')).toBe('run-x7k2p');
  const long = runNameFor('a'.repeat(43).concat('-b'.repeat(30)), 'x7k2p');
  expect(long.length).toBeLessThanOrEqual(RUN_NAME_LIMIT);
  expect(long).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])$/);
});

test('claims of templates have the name that Tekton gives them', () => {
  expect(claimNameFor(undefined, 'source', '1234')).toMatch(/^pvc-[0-9a-f]{10}$/);
  expect(claimNameFor('cache', 'source', '1234')).toBe(claimNameFor('cache', 'source', '1234'));
  expect(claimNameFor('cache', 'source', '1234')).not.toBe(claimNameFor('cache', 'source', '1235'));
});
