import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import {
  type CheckedSignature,
  decide,
  matches,
  type Policy,
  policyJsonSchema,
  readPolicy,
} from '../../../src/trust/policy/index.ts';

const [A, B, C] = [digestOf('a'), digestOf('b'), digestOf('c')];
const DIGEST = digestOf('digest');
const EVIDENCE = digestOf('evidence');

const policy = (more: Partial<Policy>): Policy => ({
  source: 'waybill.policy.yaml',
  digest: digestOf('policy'),
  default: 'refuse',
  rules: [{ pattern: 'reg.example/ci/**', keys: [A, B], threshold: 1 }],
  ...more,
});
const by = (signer: typeof A): CheckedSignature => ({ evidence: EVIDENCE, signer });
const ask = (signatures: readonly CheckedSignature[], more: Partial<Policy> = {}, name = 'reg.example/ci/go') =>
  decide({ digest: DIGEST, name, signatures }, policy(more));
const codes = (verdict: ReturnType<typeof decide>) => verdict.reasons.map(({ code }) => code);

test.each([
  ['reg.example/ci/go', 'reg.example/ci/go', true],
  ['reg.example/ci/go', 'reg.example/ci/go2', false],
  ['reg.example/ci/go', 'evil.reg.example/ci/go', false],
  ['reg.example/ci/*', 'reg.example/ci/go', true],
  ['reg.example/ci/*', 'reg.example/ci/go/deep', false],
  ['reg.example/ci/*', 'reg.example/ci', false],
  ['reg.example/**', 'reg.example/ci/go/deep', true],
  ['reg.example/**', 'reg.example.evil.org/ci', false],
  ['reg.example/**/go', 'reg.example/go', true],
  ['reg.example/**/go', 'reg.example/a/b/go', true],
  ['reg.example/**/go', 'reg.example/a/b/rust', false],
  ['**', 'anything:5000/at/all', true],
  ['**', 'oci:dist', true],
  ['*', 'reg.example/ci', false],
  ['localhost:5000/a?', 'localhost:5000/ab', true],
  ['localhost:5000/a?', 'localhost:5000/a', false],
  ['reg.example/a*b*c', 'reg.example/axxbxxbc', true],
  ['reg.example/a.c', 'reg.example/abc', false],
  ['oci:build/*', 'oci:build/bundle', true],
  ['REG.example/ci', 'reg.example/ci', false],
])('pattern %s, name %s: %s', (pattern, name, expected) => {
  expect(matches(pattern, name)).toBe(expected);
});

test('a hostile pattern costs no more than its length times the name', () => {
  expect(matches(`${'a*'.repeat(2000)}b`, 'a'.repeat(4000))).toBe(false);
});

test('one key of the rule is enough, and the verdict names rule, signer and policy', () => {
  expect(ask([by(B)])).toMatchObject({
    verified: true,
    allowed: true,
    digest: DIGEST,
    signers: [B],
    rule: { index: 0, pattern: 'reg.example/ci/**' },
    policy: { source: 'waybill.policy.yaml', digest: digestOf('policy') },
  });
});

test('a threshold counts keys, not signatures', () => {
  const rules = [{ pattern: '**', keys: [A, A, B], threshold: 2 }];
  expect(ask([by(A), by(A)], { rules })).toMatchObject({ verified: false, allowed: false, signers: [A] });
  expect(ask([by(A), by(B)], { rules })).toMatchObject({ verified: true, signers: [A, B].sort() });
});

test('what was found and does not count is said', () => {
  expect(codes(ask([]))).toEqual(['no-signature']);
  expect(codes(ask([by(C)]))).toEqual(['too-few-signers', 'unknown-key']);
  expect(
    codes(
      ask([
        { evidence: EVIDENCE, problem: 'other-digest' },
        { evidence: EVIDENCE, problem: 'certificate' },
        { evidence: EVIDENCE, problem: 'certificate' },
      ]),
    ),
  ).toEqual(['too-few-signers', 'other-digest', 'certificate']);
});

test('the first rule that matches decides, even if a later one would be satisfied', () => {
  const rules = [
    { pattern: 'reg.example/ci/*', keys: [A], threshold: 1 },
    { pattern: '**', keys: [B], threshold: 1 },
  ];
  expect(ask([by(B)], { rules })).toMatchObject({ allowed: false, rule: { index: 0 } });
  expect(ask([by(B)], { rules }, 'reg.example/other')).toMatchObject({ allowed: true, rule: { index: 1 } });
});

test('a name without a rule is refused, or allowed but never verified', () => {
  expect(ask([by(A)], {}, 'other.example/x')).toMatchObject({ verified: false, allowed: false });
  const open = ask([by(A)], { default: 'allow' }, 'other.example/x');
  expect(open).toMatchObject({ verified: false, allowed: true, signers: [] });
  expect(codes(open)).toEqual(['no-rule']);
});

const rule = { pattern: 'reg.example/**', keys: [{ path: 'a.pub' }] };

test('a policy file is read with its defaults', () => {
  expect(readPolicy({ version: 1, rules: [rule] })).toEqual({
    policy: { version: 1, default: 'refuse', rules: [{ ...rule, threshold: 1 }] },
    diagnostics: [],
  });
});

test.each([
  ['no object', 'text', 'policy-wrong-type', []],
  ['nothing', undefined, 'policy-missing-field', []],
  ['no version', { rules: [] }, 'policy-missing-field', ['version']],
  ['another version', { version: 2, rules: [] }, 'policy-bad-value', ['version']],
  ['no rules', { version: 1 }, 'policy-missing-field', ['rules']],
  ['an unknown field', { version: 1, rules: [], rule: [] }, 'policy-unknown-field', ['rule']],
  [
    'an unknown field of a rule',
    { version: 1, rules: [{ ...rule, key: [] }] },
    'policy-unknown-field',
    ['rules', 0, 'key'],
  ],
  [
    'attestations',
    { version: 1, rules: [{ ...rule, attestations: [] }] },
    'policy-unsupported-field',
    ['rules', 0, 'attestations'],
  ],
  ['maxAge', { version: 1, rules: [{ ...rule, maxAge: '1h' }] }, 'policy-unsupported-field', ['rules', 0, 'maxAge']],
  ['another default', { version: 1, default: 'warn', rules: [] }, 'policy-bad-value', ['default']],
  ['no keys', { version: 1, rules: [{ ...rule, keys: [] }] }, 'policy-bad-value', ['rules', 0, 'keys']],
  ['an id alone', { version: 1, rules: [{ ...rule, keys: [{ id: A }] }] }, 'policy-bad-key', ['rules', 0, 'keys', 0]],
  [
    'path and pem',
    { version: 1, rules: [{ ...rule, keys: [{ path: 'a', pem: 'b' }] }] },
    'policy-bad-key',
    ['rules', 0, 'keys', 0],
  ],
  [
    'a short id',
    { version: 1, rules: [{ ...rule, keys: [{ path: 'a', id: 'sha256:1' }] }] },
    'policy-bad-value',
    ['rules', 0, 'keys', 0, 'id'],
  ],
  [
    'a threshold of 0',
    { version: 1, rules: [{ ...rule, threshold: 0 }] },
    'policy-bad-value',
    ['rules', 0, 'threshold'],
  ],
  [
    'a threshold above the keys',
    { version: 1, rules: [{ ...rule, threshold: 2 }] },
    'policy-bad-threshold',
    ['rules', 0, 'threshold'],
  ],
  [
    'a tag in a pattern',
    { version: 1, rules: [{ ...rule, pattern: 'r.example/a:1' }] },
    'policy-bad-pattern',
    ['rules', 0, 'pattern'],
  ],
  [
    'a digest in a pattern',
    { version: 1, rules: [{ ...rule, pattern: `r.example/a@${A}` }] },
    'policy-bad-pattern',
    ['rules', 0, 'pattern'],
  ],
  [
    'stars in a part',
    { version: 1, rules: [{ ...rule, pattern: 'r.example/a**' }] },
    'policy-bad-pattern',
    ['rules', 0, 'pattern'],
  ],
  [
    'an empty part',
    { version: 1, rules: [{ ...rule, pattern: 'r.example//a' }] },
    'policy-bad-pattern',
    ['rules', 0, 'pattern'],
  ],
])('%s is a finding', (_name, value, code, path) => {
  const { policy: read, diagnostics } = readPolicy(value);
  expect(read).toBeUndefined();
  expect(diagnostics).toEqual([expect.objectContaining({ code, path, severity: 'error' })]);
});

test('docs/policy.schema.json is the schema that is checked', () => {
  const file = join(import.meta.dirname, '../../../docs/policy.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(policyJsonSchema());
});
