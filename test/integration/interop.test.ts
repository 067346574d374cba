import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packBundle } from '../../src/bundle/index.ts';
import {
  contentOf,
  type Descriptor,
  jsonContent,
  MANIFEST_CAP,
  type Manifest,
  openRegistry,
  parseManifest,
  pushImage,
  readAll,
  type Store,
} from '../../src/oci/index.ts';
import {
  generateKey,
  judge,
  keyHint,
  keySigner,
  type PrivateKey,
  readPrivateKey,
  readPublicKey,
  signBundle,
  trustKeys,
  writePrivateKey,
} from '../../src/trust/index.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { type Ran, run } from '../support/run.ts';
import { type ToolName, tool } from '../support/tools.ts';

/** Building cosign from nothing takes minutes on a small machine; once built it is kept. */
const BUILD_TIMEOUT = 20 * 60_000;
const PASSWORD = 'päss word';
const NOW = new Date('2026-01-02T03:04:05Z');
/** cosign v3 signs offline only when told twice. */
const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false', '--yes', '--allow-insecure-registry'];

let registry: TestRegistry;
let dir: string;
const paths = new Map<ToolName, string>();

beforeAll(async () => {
  for (const name of ['crane', 'oras', 'cosign'] as const) paths.set(name, await tool(name));
  dir = await mkdtemp(join(tmpdir(), 'waybill-interop-'));
  registry = await startRegistry();
}, BUILD_TIMEOUT);

afterAll(async () => {
  await registry?.stop();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

const peer = (name: ToolName, ...args: string[]): Promise<Ran> =>
  run(paths.get(name) as string, args, { cwd: dir, env: { COSIGN_PASSWORD: PASSWORD, DOCKER_CONFIG: dir } });

/** A bundle of one Task, as the Tekton Bundle contract wants it. */
const bundle = () => {
  const task = {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: { name: 'build' },
    spec: { steps: [{ image: 'go' }] },
  };
  const { bundle: packed } = packBundle([task]);
  if (packed === undefined) throw new Error('the Task cannot be packed');
  return packed;
};

/** A repository of its own for each test, with one bundle in it. */
const pushed = async (repository: string) => {
  const store = openRegistry(registry.host, repository);
  const subject = await pushImage(store, bundle(), { tag: '1.0.0' });
  const name = `${registry.host}/${repository}`;
  return { store, subject, name, ref: `${name}@${subject.digest}`, tagged: `${name}:1.0.0` };
};

const keyFiles = async (key: PrivateKey, name: string): Promise<{ secret: string; open: string }> => {
  const [secret, open] = [join(dir, `${name}.key`), join(dir, `${name}.pub`)];
  await writeFile(secret, await writePrivateKey(key, PASSWORD), { mode: 0o600 });
  await writeFile(open, key.publicKey.pem);
  return { secret, open };
};

const cosignVerify = (key: string, ref: string, hash = 'sha256'): Promise<Ran> => {
  const options = ['--insecure-ignore-tlog', '--allow-insecure-registry', '--signature-digest-algorithm', hash];
  return peer('cosign', 'verify', '--key', key, ...options, ref);
};

const manifestOf = async (store: Store, descriptor: Descriptor): Promise<Manifest> =>
  parseManifest(await readAll(store, descriptor, { cap: MANIFEST_CAP }));

test('crane validates our bundle', async () => {
  const { tagged } = await pushed('crane/task');
  expect(await peer('crane', 'validate', '--remote', tagged)).toMatchObject({ code: 0 });
});

test('oras pulls our bundle and sees its signature', async () => {
  const { tagged, store, subject } = await pushed('oras/task');
  const referrer = await signBundle(store, subject, keySigner(await generateKey()), { now: NOW });
  expect(await peer('oras', 'pull', '--plain-http', '--output', join(dir, 'pulled'), tagged)).toMatchObject({
    code: 0,
  });
  const discovered = await peer('oras', 'discover', '--plain-http', '--format', 'json', tagged);
  expect(discovered.stdout).toContain(referrer.digest);
});

test('cosign reads a key made by Waybill', async () => {
  const key = await generateKey();
  const { secret, open } = await keyFiles(key, 'read');
  const { code, stdout } = await peer('cosign', 'public-key', '--key', secret);
  expect({ code, stdout }).toEqual({ code: 0, stdout: await readFile(open, 'utf8') });
});

test('Waybill reads a key made by cosign', async () => {
  expect(await peer('cosign', 'generate-key-pair', '--output-key-prefix', 'theirs')).toMatchObject({ code: 0 });
  const key = await readPrivateKey(await readFile(join(dir, 'theirs.key'), 'utf8'), { password: PASSWORD });
  expect(key.publicKey.id).toBe(readPublicKey(await readFile(join(dir, 'theirs.pub'), 'utf8')).id);
});

const imported = async (kind: 'ec' | 'rsa', options: object): Promise<PrivateKey> => {
  const make = generateKeyPairSync as unknown as (
    type: string,
    options: object,
  ) => ReturnType<typeof generateKeyPairSync>;
  return readPrivateKey(make(kind, options).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
};

test.each([
  ['p256', 'sha256', () => generateKey()],
  ['p384', 'sha384', () => imported('ec', { namedCurve: 'P-384' })],
  ['p521', 'sha512', () => imported('ec', { namedCurve: 'P-521' })],
  ['rsa', 'sha256', () => imported('rsa', { modulusLength: 3072 })],
])('cosign accepts our signature and we accept cosign’s: %s', async (name, hash, make) => {
  const key = await make();
  const { secret, open } = await keyFiles(key, name);
  const trust = trustKeys([key.publicKey], open);

  const ours = await pushed(`ours/${name}`);
  expect(await cosignVerify(open, ours.ref, hash)).not.toMatchObject({ code: 0 });
  await signBundle(ours.store, ours.subject, keySigner(key), { now: NOW });
  expect(await cosignVerify(open, ours.ref, hash)).toMatchObject({ code: 0 });

  const theirs = await pushed(`theirs/${name}`);
  expect(await peer('cosign', 'sign', '--key', secret, ...OFFLINE, theirs.ref)).toMatchObject({ code: 0 });
  expect(await cosignVerify(open, theirs.ref, hash)).toMatchObject({ code: 0 });
  expect(await judge(theirs.store, theirs.subject, theirs.name, trust)).toMatchObject({
    verified: true,
    signers: [key.publicKey.id],
  });
});

test('a key and a signature both made by cosign are verified, and another key is not', async () => {
  await peer('cosign', 'generate-key-pair', '--output-key-prefix', 'all-theirs');
  const key = readPublicKey(await readFile(join(dir, 'all-theirs.pub'), 'utf8'));
  const { store, subject, name, ref } = await pushed('cosign/task');
  expect(await peer('cosign', 'sign', '--key', 'all-theirs.key', ...OFFLINE, ref)).toMatchObject({ code: 0 });
  expect(await judge(store, subject, name, trustKeys([key], 'k'))).toMatchObject({ verified: true });
  const stranger = await generateKey();
  expect(await judge(store, subject, name, trustKeys([stranger.publicKey], 'k'))).toMatchObject({ allowed: false });
});

test('our hint is the one that cosign writes', async () => {
  const key = await generateKey();
  const { secret } = await keyFiles(key, 'hint');
  const { store, subject, ref } = await pushed('hint/task');
  await peer('cosign', 'sign', '--key', secret, ...OFFLINE, ref);
  for await (const referrer of store.referrers(subject)) {
    const [layer] = (await manifestOf(store, referrer)).layers;
    const bundle = JSON.parse((await readAll(store, layer as Descriptor, { cap: MANIFEST_CAP })).toString());
    expect(bundle.verificationMaterial.publicKey.hint).toBe(keyHint(key.publicKey));
  }
  expect.assertions(1);
});

test('after one byte of the bundle changed, the copied signature is refused by cosign and by us', async () => {
  const key = await generateKey();
  const { open } = await keyFiles(key, 'tampered');
  const { store, subject, name } = await pushed('tampered/task');
  const signature = await signBundle(store, subject, keySigner(key), { now: NOW });

  const manifest = await manifestOf(store, subject);
  const [layer, ...layers] = manifest.layers as [Descriptor, ...Descriptor[]];
  const body = await readAll(store, layer, { cap: MANIFEST_CAP });
  body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
  const changed = contentOf(body, layer.mediaType, { annotations: layer.annotations ?? {} });
  const forged = jsonContent({ ...manifest, layers: [changed.descriptor, ...layers] }, subject.mediaType);
  const copied = jsonContent(
    { ...(await manifestOf(store, signature)), subject: forged.descriptor },
    signature.mediaType,
  );
  for (const { descriptor, bytes } of [changed, forged, copied]) await store.push(descriptor, bytes);

  expect(await cosignVerify(open, `${name}@${subject.digest}`)).toMatchObject({ code: 0 });
  expect(await cosignVerify(open, `${name}@${forged.descriptor.digest}`)).not.toMatchObject({ code: 0 });
  const verdict = await judge(store, forged.descriptor, name, trustKeys([key.publicKey], open));
  expect(verdict).toMatchObject({ allowed: false });
  expect(verdict.reasons.map(({ code }) => code)).toContain('other-digest');
});
