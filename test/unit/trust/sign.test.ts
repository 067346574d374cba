import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  contentOf,
  createMemoryStore,
  jsonContent,
  MEDIA_TYPES,
  parseManifest,
  readAll,
} from '../../../src/oci/index.ts';
import {
  checkSignatures,
  collectEvidence,
  generateKey,
  keySigner,
  type PrivateKey,
  readPrivateKey,
  SIGSTORE_BUNDLE,
  signBundle,
} from '../../../src/trust/index.ts';
import { storeWithManifest } from './store.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');

const signed = async (key: PrivateKey) => {
  const { store, subject } = await storeWithManifest();
  const signature = await signBundle(store, subject, keySigner(key), { now: NOW });
  return { store, subject, signature };
};

test('a signature is a referrer in the form of cosign v3', async () => {
  const { store, subject, signature } = await signed(await generateKey());
  const manifest = parseManifest(await readAll(store, signature, { cap: 10_000 }));
  expect(manifest).toMatchObject({
    artifactType: SIGSTORE_BUNDLE,
    config: { mediaType: MEDIA_TYPES.empty, size: 2 },
    layers: [{ mediaType: SIGSTORE_BUNDLE }],
    subject,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    },
  });
  const bundle = JSON.parse((await readAll(store, manifest.layers[0]!, { cap: 10_000 })).toString());
  expect(JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString())).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: subject.digest.slice(7) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  });
});

test.each([
  ['P-256', { namedCurve: 'P-256' }],
  ['P-384', { namedCurve: 'P-384' }],
  ['P-521', { namedCurve: 'P-521' }],
])('a signature on %s is found and verified', async (_name, options) => {
  const { privateKey } = generateKeyPairSync('ec', options);
  const key = await readPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  const { store, subject } = await signed(key);
  const evidence = await collectEvidence(store, subject);
  expect(checkSignatures(subject.digest, evidence, [key.publicKey])).toMatchObject([{ signer: key.publicKey.id }]);
});

test('a signature by another key, or over another digest, counts for nothing', async () => {
  const [key, other] = [await generateKey(), await generateKey()];
  const { store, subject } = await signed(key);
  const evidence = await collectEvidence(store, subject);
  expect(checkSignatures(subject.digest, evidence, [other.publicKey])).toMatchObject([{ problem: 'unknown-key' }]);
  const elsewhere = (await storeWithManifest('b')).subject.digest;
  expect(checkSignatures(elsewhere, evidence, [key.publicKey])).toMatchObject([{ problem: 'other-digest' }]);
});

test('a signed statement of another predicate is no signature', async () => {
  const key = await generateKey();
  const lying = {
    sign: async (data: Uint8Array) => {
      const changed = Buffer.from(data);
      changed.write('X', changed.indexOf('cosign/sign/v1'));
      return keySigner(key).sign(changed);
    },
  };
  const { store, subject } = await storeWithManifest();
  await signBundle(store, subject, lying, { now: NOW });
  const [one] = await collectEvidence(store, subject);
  const envelope = one!.bundle.content.$case === 'dsseEnvelope' ? one!.bundle.content.dsseEnvelope : undefined;
  expect(checkSignatures(subject.digest, [one!], [key.publicKey])).toMatchObject([{ problem: 'unknown-key' }]);
  envelope!.payload.write('X', envelope!.payload.indexOf('cosign/sign/v1'));
  expect(checkSignatures(subject.digest, [one!], [key.publicKey])).toMatchObject([{ problem: 'other-type' }]);
});

test('every changed byte of the payload makes the signature void', async () => {
  const key = await generateKey();
  const { store, subject } = await signed(key);
  const [one] = await collectEvidence(store, subject);
  const envelope = one!.bundle.content.$case === 'dsseEnvelope' ? one!.bundle.content.dsseEnvelope : undefined;
  const { payload } = envelope!;
  for (const at of payload.keys()) {
    payload[at]! ^= 1;
    expect(checkSignatures(subject.digest, [one!], [key.publicKey])).toMatchObject([{ problem: 'unknown-key' }]);
    payload[at]! ^= 1;
  }
  expect(checkSignatures(subject.digest, [one!], [key.publicKey])).toMatchObject([{ signer: key.publicKey.id }]);
});

test('referrers that are no Sigstore bundle are left out', async () => {
  const key = await generateKey();
  const { store, subject } = await signed(key);
  const config = contentOf(Buffer.from('{}'), MEDIA_TYPES.empty);
  const attach = async (mediaType: string, text: string) => {
    const layer = contentOf(Buffer.from(text), mediaType);
    const referrer = jsonContent(
      {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.manifest,
        config: config.descriptor,
        layers: [layer.descriptor],
        subject,
      },
      MEDIA_TYPES.manifest,
    );
    await store.push(layer.descriptor, layer.bytes);
    await store.push(referrer.descriptor, referrer.bytes);
  };
  await attach('text/plain', 'a README');
  await attach(SIGSTORE_BUNDLE, 'not JSON');
  await attach(SIGSTORE_BUNDLE, '{}');
  await attach(SIGSTORE_BUNDLE, JSON.stringify({ mediaType: SIGSTORE_BUNDLE, padding: 'x'.repeat(2_000_000) }));
  expect(await collectEvidence(store, subject)).toHaveLength(1);
});

test('more referrers than are read is a refusal, not a partial answer', async () => {
  const { subject } = await storeWithManifest();
  const source = {
    ...createMemoryStore(),
    referrers: async function* () {
      for (let i = 0; i < 1000; i += 1) yield contentOf(Buffer.from(String(i)), MEDIA_TYPES.manifest).descriptor;
    },
  };
  await expect(collectEvidence(source, subject)).rejects.toMatchObject({ code: 'NotVerified' });
});

test('a store that does not answer is not taken for an unsigned bundle', async () => {
  const { store, subject } = await signed(await generateKey());
  const down = {
    ...store,
    fetch: async () => {
      throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    },
  };
  await expect(collectEvidence(down, subject)).rejects.toMatchObject({ code: 'ECONNRESET' });
});
