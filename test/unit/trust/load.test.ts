import { expect, test } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import { generateKey, policyFrom } from '../../../src/trust/index.ts';

const key = (await generateKey()).publicKey;
const other = (await generateKey()).publicKey;
const files: Readonly<Record<string, string>> = {
  'a.pub': key.pem,
  'b.pub': other.pem,
  'again.pub': key.pem,
  bad: 'x',
};

const load = (text: string) => policyFrom(text, 'waybill.policy.yaml', async (path) => files[path] ?? '');
const findings = (text: string) =>
  load(text).then(
    () => [],
    (error) =>
      error.diagnostics.map((one: { code: string; range: { start: { line: number } } }) => [
        one.code,
        one.range.start.line,
      ]),
  );

test('keys are read from files and from the policy itself', async () => {
  const text = `version: 1
rules:
  - pattern: reg.example/**
    threshold: 2
    keys:
      - path: a.pub
        id: ${key.id}
      - pem: |
${other.pem.replace(/^/gm, '          ').trimEnd()}
  - pattern: '**'
    keys: [{ path: again.pub }]
`;
  const { policy, keys } = await load(text);
  expect(policy).toEqual({
    source: 'waybill.policy.yaml',
    digest: digestOf(text),
    default: 'refuse',
    rules: [
      { pattern: 'reg.example/**', threshold: 2, keys: [key.id, other.id] },
      { pattern: '**', threshold: 1, keys: [key.id] },
    ],
  });
  expect(keys.map(({ id }) => id)).toEqual([key.id, other.id]);
});

test.each([
  ['an unknown field', 'version: 1\nrules: []\nrule: []\n', [['policy-unknown-field', 3]]],
  ['two documents', 'version: 1\nrules: []\n---\nversion: 1\nrules: []\n', undefined],
  ['an empty file', '', undefined],
  ['broken YAML', 'version: [1\n', undefined],
  ['a key file that is none', 'version: 1\nrules:\n- pattern: a\n  keys:\n  - path: bad\n', [['policy-bad-key', 5]]],
  [
    'a key with another id',
    `version: 1\nrules:\n- pattern: a\n  keys:\n  - path: a.pub\n    id: ${digestOf('x')}\n`,
    [['policy-other-key', 6]],
  ],
  [
    'one key twice for a threshold of two',
    'version: 1\nrules:\n- pattern: a\n  threshold: 2\n  keys: [{path: a.pub}, {path: again.pub}]\n',
    [['policy-bad-threshold', 4]],
  ],
])('%s makes the policy unusable', async (_name, text, expected) => {
  await expect(load(text)).rejects.toMatchObject({ code: 'BadPolicy' });
  if (expected !== undefined) expect(await findings(text)).toEqual(expected);
});
