import { expect, test } from 'vitest';
import { digestOf, WaybillError } from '../../../src/core/index.ts';
import { createResolveContext } from '../../../src/resolve/index.ts';
import { generateKey, keySigner, signBundle, trustKeys } from '../../../src/trust/index.ts';
import { place, storeOf } from './stores.ts';

const NOW = new Date(0);

test('without a policy a bundle is pinned, as not verified', async () => {
  const { store, made } = await storeOf('v1');
  const pinned = await createResolveContext({ open: () => store }).pin(place());
  expect(pinned).toMatchObject({
    descriptor: { digest: made.v1?.digest },
    verdict: { verified: false, signers: [], reason: 'no policy' },
  });
});

test('what is not verified is refused where only the verified may run', async () => {
  const { store } = await storeOf('v1');
  const context = createResolveContext({ open: () => store, requireVerified: true });
  await expect(context.pin(place())).rejects.toMatchObject({ code: 'NotVerified', kind: 'refused' });
});

test('a policy decides by the name as written, and the verdict keeps signer and policy', async () => {
  const { store, made } = await storeOf('v1', 'v2');
  const key = await generateKey();
  const trust = trustKeys([key.publicKey], 'p');
  await signBundle(store, made.v1!, keySigner(key), { now: NOW });
  const context = createResolveContext({ open: () => store, trust, requireVerified: true });
  expect((await context.pin(place())).verdict).toEqual({
    verified: true,
    signers: [key.publicKey.id],
    policy: { source: 'p', digest: trust.policy.digest },
  });
  await expect(context.pin(place('reg.example/ci/go:v2'))).rejects.toMatchObject({ code: 'NotVerified' });
});

test('a name that a policy allows without a rule runs unless only the verified may', async () => {
  const { store } = await storeOf('v1');
  const { keys, policy } = trustKeys([], 'p');
  const trust = { keys, policy: { ...policy, rules: [], default: 'allow' as const } };
  const { verdict } = await createResolveContext({ open: () => store, trust }).pin(place());
  expect(verdict).toMatchObject({ verified: false, policy: { source: 'p' } });
  const strict = createResolveContext({ open: () => store, trust, requireVerified: true });
  await expect(strict.pin(place())).rejects.toMatchObject({ code: 'NotVerified' });
});

test('with a tag and a digest the digest decides; a moved tag is a warning, under frozen a refusal', async () => {
  const { store, made } = await storeOf('v1', 'v2');
  const moved = place(`reg.example/ci/go:v1@${made.v2!.digest}`);
  const context = createResolveContext({ open: () => store });
  expect((await context.pin(moved)).descriptor.digest).toBe(made.v2?.digest);
  expect(context.warnings().map(({ code }) => code)).toEqual(['tag-moved']);
  const frozen = createResolveContext({ open: () => store, frozen: true });
  await expect(frozen.pin(moved)).rejects.toMatchObject({ code: 'TagMoved', kind: 'refused' });
  await expect(frozen.pin(place(`reg.example/ci/go:gone@${made.v2!.digest}`))).rejects.toMatchObject({
    code: 'TagMoved',
  });
  expect((await frozen.pin(place(`reg.example/ci/go:v1@${made.v1!.digest}`))).descriptor.digest).toBe(made.v1?.digest);
  expect(frozen.warnings()).toEqual([]);
});

test('a tag is resolved once a run, however many ask', async () => {
  const { store, made, count } = await storeOf('v1', 'v2');
  const context = createResolveContext({ open: () => store });
  const [a, b] = await Promise.all([context.pin(place()), context.pin(place('REG.example/ci/go:v1'))]);
  await store.tag(made.v2!, 'v1');
  const late = await context.pin(place());
  expect(new Set([a, b, late].map(({ descriptor }) => descriptor.digest))).toEqual(new Set([made.v1?.digest]));
  expect(count.resolve).toBe(1);
  expect(b.place.text).toBe('REG.example/ci/go:v1');
  expect((await createResolveContext({ open: () => store }).pin(place())).descriptor.digest).toBe(made.v2?.digest);
});

test('a failure is not remembered', async () => {
  const { store } = await storeOf('v1');
  let down = true;
  const flaky: typeof store = {
    ...store,
    resolve: async (ref) => {
      if (down) throw new WaybillError('Unreachable', 'down');
      return store.resolve(ref);
    },
  };
  const context = createResolveContext({ open: () => flaky });
  await expect(context.pin(place())).rejects.toMatchObject({ code: 'Unreachable' });
  down = false;
  await expect(context.pin(place())).resolves.toBeDefined();
});

test('a store that answers with another digest than asked for is not believed', async () => {
  const { store, made } = await storeOf('v1');
  const lying: typeof store = { ...store, resolve: async () => made.v1! };
  const context = createResolveContext({ open: () => lying });
  await expect(context.pin(place(`reg.example/ci/go@${digestOf('x')}`))).rejects.toMatchObject({
    code: 'DigestMismatch',
  });
});

test('a repository that does not hold the tag is not found', async () => {
  const { store } = await storeOf();
  await expect(createResolveContext({ open: () => store }).pin(place())).rejects.toMatchObject({ code: 'NotFound' });
});
