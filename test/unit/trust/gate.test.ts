import { expect, test } from 'vitest';
import { assertAllowed, generateKey, judge, keySigner, signBundle, trustKeys } from '../../../src/trust/index.ts';
import { storeWithManifest } from './store.ts';

const NOW = new Date(0);
const NAME = 'reg.example/ci/go';

test('a bundle signed by a given key is verified under any name', async () => {
  const { store, subject } = await storeWithManifest();
  const key = await generateKey();
  await signBundle(store, subject, keySigner(key), { now: NOW });
  const verdict = await judge(store, subject, NAME, trustKeys([key.publicKey], '--key a.pub'));
  expect(verdict).toMatchObject({ verified: true, signers: [key.publicKey.id], policy: { source: '--key a.pub' } });
  expect(() => assertAllowed(verdict)).not.toThrow();
});

test('an unsigned bundle and a wrong key are refused with NotVerified', async () => {
  const { store, subject } = await storeWithManifest();
  const [key, other] = [await generateKey(), await generateKey()];
  const trust = trustKeys([key.publicKey], '--key a.pub');
  const unsigned = await judge(store, subject, NAME, trust);
  expect(unsigned.reasons.map(({ code }) => code)).toEqual(['no-signature']);
  expect(() => assertAllowed(unsigned)).toThrow(expect.objectContaining({ code: 'NotVerified', kind: 'refused' }));
  await signBundle(store, subject, keySigner(other), { now: NOW });
  const wrong = await judge(store, subject, NAME, trust);
  expect(wrong.reasons.map(({ code }) => code)).toEqual(['too-few-signers', 'unknown-key']);
});

test('a signature attached to another bundle does not speak for it', async () => {
  const { store, subject } = await storeWithManifest('a');
  const other = await storeWithManifest('b');
  const key = await generateKey();
  const lying = { ...store, referrers: () => other.store.referrers(other.subject), fetch: other.store.fetch };
  await signBundle(other.store, other.subject, keySigner(key), { now: NOW });
  const verdict = await judge(lying, subject, NAME, trustKeys([key.publicKey], 'k'));
  expect(verdict.allowed).toBe(false);
  expect(verdict.reasons.map(({ code }) => code)).toEqual(['too-few-signers', 'other-digest']);
});

test('nothing is fetched where no rule matches', async () => {
  const { store, subject } = await storeWithManifest();
  const closed = {
    ...store,
    referrers: () => {
      throw new Error('asked');
    },
  };
  const trust = trustKeys([], 'k');
  const verdict = await judge(closed, subject, NAME, { ...trust, policy: { ...trust.policy, rules: [] } });
  expect(verdict.reasons.map(({ code }) => code)).toEqual(['no-rule']);
});

test('the digest of a policy made from keys changes with the keys', async () => {
  const [a, b] = [(await generateKey()).publicKey, (await generateKey()).publicKey];
  expect(trustKeys([a], 'k').policy.digest).not.toBe(trustKeys([b], 'k').policy.digest);
});
