import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateKey, keyHint, readPrivateKey, readPublicKey, writePrivateKey } from '../../../src/trust/index.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/keys');
const fixture = (name: string) => readFileSync(join(FIXTURES, name), 'utf8');
const DATA = Buffer.from('data');

const ec = (curve: string) => generateKeyPairSync('ec', { namedCurve: curve }).privateKey;
const BAD = { code: 'BadKey' };

test('a key goes through its sealed file and back', async () => {
  const key = await generateKey();
  const text = await writePrivateKey(key, 'päss');
  const again = await readPrivateKey(text, { password: 'päss' });
  expect(again.publicKey.id).toBe(key.publicKey.id);
  expect(readPublicKey(key.publicKey.pem).verifies(DATA, again.sign(DATA))).toBe(true);
  expect(readPublicKey(key.publicKey.pem).verifies(Buffer.from('date'), again.sign(DATA))).toBe(false);
});

test('the sealed form is the one cosign writes, byte by byte', async () => {
  const plain = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
  const key = await readPrivateKey(plain.toString());
  const inputs = { salt: new Uint8Array(32).fill(1), nonce: new Uint8Array(24).fill(2) };
  const text = await writePrivateKey(key, '', inputs);
  expect(text).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  const body = text.split('\n').slice(1, -2).join('');
  expect(Buffer.from(body, 'base64').toString()).toMatch(
    /^\{"kdf":\{"name":"scrypt","params":\{"N":65536,"r":8,"p":1\},"salt":"[^"]+"\},"cipher":\{"name":"nacl\/secretbox","nonce":"[^"]+"\},"ciphertext":"[^"]+"\}$/,
  );
  expect(await writePrivateKey(key, '', inputs)).toBe(text);
});

test('a key written by cosign is read, under its older label too', async () => {
  const key = await readPrivateKey(fixture('cosign.key'), { password: 'waybill' });
  const old = fixture('cosign.key').replaceAll('ENCRYPTED SIGSTORE', 'ENCRYPTED COSIGN');
  expect(key.publicKey.pem).toBe(fixture('cosign.pub'));
  expect((await readPrivateKey(old, { password: 'waybill' })).publicKey.id).toBe(key.publicKey.id);
});

test('a wrong or missing password is a bad key, and is never repeated', async () => {
  const wrong = await readPrivateKey(fixture('cosign.key'), { password: 'geheim' }).catch((error: unknown) => error);
  expect(wrong).toMatchObject(BAD);
  expect(JSON.stringify(wrong) + String(wrong)).not.toContain('geheim');
  await expect(readPrivateKey(fixture('cosign.key'))).rejects.toMatchObject(BAD);
});

test('parameters of scrypt other than the known three are refused before any work', async () => {
  const body = fixture('cosign.key').split('\n').slice(1, -2).join('');
  const sealed = Buffer.from(body, 'base64').toString();
  const costly = sealed.replace('"N":65536', '"N":1073741824');
  const text = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${Buffer.from(costly).toString('base64')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
  expect(costly).not.toBe(sealed);
  await expect(readPrivateKey(text, { password: 'waybill' })).rejects.toMatchObject(BAD);
});

test.each([
  ['P-256 in PKCS #8', ec('P-256').export({ format: 'pem', type: 'pkcs8' }), 'ecdsa-p256'],
  ['P-384 in SEC 1', ec('P-384').export({ format: 'pem', type: 'sec1' }), 'ecdsa-p384'],
  ['P-521 in SEC 1', ec('P-521').export({ format: 'pem', type: 'sec1' }), 'ecdsa-p521'],
  [
    'RSA in PKCS #1',
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs1' }),
    'rsa',
  ],
])('%s is imported and signs', async (_name, pem, algorithm) => {
  const key = await readPrivateKey(`some text before\n${pem.toString()}`);
  expect(key.publicKey.algorithm).toBe(algorithm);
  expect(readPublicKey(key.publicKey.pem).verifies(DATA, key.sign(DATA))).toBe(true);
});

test.each([
  ['Ed25519', generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })],
  ['another curve', ec('secp256k1').export({ format: 'pem', type: 'pkcs8' })],
  [
    'short RSA',
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
  ],
  ['nothing', ''],
  ['a public key', fixture('cosign.pub')],
  ['damage', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
  ['old encryption', '-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n'],
  ['a long text', 'x'.repeat(100_000)],
])('%s is refused as private key', async (_name, pem) => {
  await expect(readPrivateKey(pem.toString())).rejects.toMatchObject(BAD);
});

test('a private key is no public key', () => {
  expect(() => readPublicKey(fixture('cosign.key'))).toThrow(expect.objectContaining(BAD));
});

test('the hint is base64 of the digest that is the id', () => {
  const key = readPublicKey(fixture('cosign.pub'));
  expect(Buffer.from(keyHint(key), 'base64').toString('hex')).toBe(key.id.slice('sha256:'.length));
});

test('a key shows no secret when it is printed', async () => {
  const key = await generateKey();
  expect(JSON.stringify(key)).not.toMatch(/PRIVATE|"d"/);
});
