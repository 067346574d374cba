import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  contentOf,
  copy,
  createMemoryStore,
  type Descriptor,
  imageOf,
  MANIFEST_CAP,
  openArchive,
  openLayout,
  openRegistry,
  parseManifest,
  pushImage,
  pushManifest,
  readAll,
  type Source,
  writeArchive,
} from 'waybill/oci';
import { PASSWORD, startCraneRegistry, startRegistry, type TestRegistry, USER } from '../support/registry.ts';
import { run } from '../support/run.ts';
import { type ToolName, tool } from '../support/tools.ts';
import { waybill } from '../support/waybill.ts';

/** Building the peers from nothing takes minutes on a small machine; once built they are kept. */
const BUILD_TIMEOUT = 20 * 60_000;

const registries = new Map<string, TestRegistry>();
const paths = new Map<ToolName, string>();
let dir: string;
let count = 0;
let repository: string;

beforeAll(async () => {
  for (const name of ['crane', 'oras'] as const) paths.set(name, await tool(name));
  dir = await mkdtemp(join(tmpdir(), 'waybill-peers-'));
  registries.set('docker-registry', await startRegistry());
  registries.set('crane registry serve', await startCraneRegistry());
}, BUILD_TIMEOUT);

afterAll(async () => {
  for (const { stop } of registries.values()) await stop();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

beforeEach(() => {
  count += 1;
  repository = `peers/repo-${count}`;
});

const peer = async (name: ToolName, ...args: string[]): Promise<string> => {
  const ran = await run(paths.get(name) as string, args, { cwd: dir, env: { DOCKER_CONFIG: join(dir, 'docker') } });
  expect(ran.code, `${name} ${args.join(' ')}\n${ran.stderr}`).toBe(0);
  return ran.stdout.trim();
};

const hostOf = (name: string): string => (registries.get(name) as TestRegistry).host;
const image = () => imageOf({ layers: [{ tar: randomBytes(50_000) }] });
const referrersOf = async (store: Source, subject: Descriptor): Promise<readonly Descriptor[]> =>
  (await Array.fromAsync(store.referrers(subject))).toSorted((a, b) => (a.digest < b.digest ? -1 : 1));

const EACH = ['docker-registry', 'crane registry serve'];

test.each(EACH)('what we push is copied by crane and oras, and what they copy is read by us: %s', async (name) => {
  const host = hostOf(name);
  const { digest } = await pushImage(openRegistry(host, repository), image(), { tag: 'v1' });
  await peer('crane', 'copy', `${host}/${repository}:v1`, `${host}/${repository}/crane:v1`);
  await peer(
    'oras',
    'cp',
    '--from-plain-http',
    '--to-plain-http',
    `${host}/${repository}:v1`,
    `${host}/${repository}/oras:v1`,
  );
  for (const copied of ['crane', 'oras']) {
    const back = createMemoryStore();
    await copy(openRegistry(host, `${repository}/${copied}`), 'v1', back, 'v1');
    expect((await back.resolve('v1')).digest).toBe(digest);
  }
});

test.each(EACH)('what oras pushes and attaches is copied by us with what refers to it: %s', async (name) => {
  const host = hostOf(name);
  const ref = `${host}/${repository}:v1`;
  const content = randomBytes(5 * 1024 * 1024);
  await writeFile(join(dir, 'large.bin'), content);
  await writeFile(join(dir, 'note.txt'), 'a note');
  await peer('oras', 'push', '--plain-http', ref, 'large.bin:application/octet-stream');
  for (const type of ['application/x.one', 'application/x.two']) {
    await peer('oras', 'attach', '--plain-http', '--artifact-type', type, ref, 'note.txt:text/plain');
  }
  const target = openRegistry(host, `${repository}/copied`);
  const subject = await copy(openRegistry(host, repository), 'v1', target, 'v1', { referrers: true });
  const found = await referrersOf(target, subject);
  expect(found.map(({ artifactType }) => artifactType).sort()).toEqual(['application/x.one', 'application/x.two']);
  expect(found).toEqual(await referrersOf(openRegistry(host, repository), subject));
  const discovered = await peer(
    'oras',
    'discover',
    '--plain-http',
    '--format',
    'json',
    `${host}/${repository}/copied:v1`,
  );
  for (const { digest } of found) expect(discovered).toContain(digest);
  const { layers } = parseManifest(await readAll(target, subject, { cap: MANIFEST_CAP }));
  expect((await readAll(target, layers[0] as Descriptor, { cap: 1e7 })).equals(content)).toBe(true);
});

test.each(EACH)('oras discovers and pulls what we attach: %s', async (name) => {
  const store = openRegistry(hostOf(name), repository);
  const subject = await pushImage(store, image(), { tag: 'v1' });
  const note = contentOf(Buffer.from('from us'), 'text/plain', {
    annotations: { 'org.opencontainers.image.title': `note-${count}.txt` },
  });
  await store.push(note.descriptor, note.bytes);
  const attached = await pushManifest(store, {
    artifactType: 'application/x.note',
    subject,
    layers: [note.descriptor],
  });
  const ref = `${hostOf(name)}/${repository}`;
  expect(await peer('oras', 'discover', '--plain-http', '--format', 'json', `${ref}:v1`)).toContain(attached.digest);
  await peer('oras', 'pull', '--plain-http', '-o', dir, `${ref}@${attached.digest}`);
  expect(await readFile(join(dir, `note-${count}.txt`), 'utf8')).toBe('from us');
});

test('archives go from oras to us and back', async () => {
  const host = hostOf('docker-registry');
  const store = openRegistry(host, repository);
  const subject = await pushImage(store, image(), { tag: 'v1' });
  const signature = await pushManifest(store, { artifactType: 'application/x.signature', subject });
  await peer(
    'oras',
    'backup',
    '--plain-http',
    '--include-referrers',
    '--output',
    'theirs.tar',
    `${host}/${repository}:v1`,
  );
  const theirs = openArchive(join(dir, 'theirs.tar'));
  const back = openLayout(join(dir, 'back'));
  expect((await copy(theirs, 'v1', back, 'v1', { referrers: true })).digest).toBe(subject.digest);
  expect((await referrersOf(back, subject)).map(({ digest }) => digest)).toEqual([signature.digest]);

  await writeArchive(join(dir, 'ours.tar'), (target) => copy(store, 'v1', target, 'v1', { referrers: true }));
  await peer(
    'oras',
    'cp',
    '-r',
    '--from-oci-layout',
    '--to-plain-http',
    'ours.tar:v1',
    `${host}/${repository}/loaded:v1`,
  );
  const loaded = openRegistry(host, `${repository}/loaded`);
  expect((await loaded.resolve('v1')).digest).toBe(subject.digest);
  expect((await referrersOf(loaded, subject)).map(({ digest }) => digest)).toEqual([signature.digest]);
});

test('a login of ours is used by crane and oras, and one of crane’s by us', async () => {
  const { host, stop } = await startRegistry({ htpasswd: true });
  const env = { DOCKER_CONFIG: join(dir, 'docker'), REGISTRY_AUTH_FILE: '' };
  try {
    const done = await waybill(['login', host, '-u', USER, '--password-stdin'], { env, input: PASSWORD });
    expect(done.code, done.stderr).toBe(0);
    expect(await peer('crane', 'catalog', host)).toBe('');
    await peer('oras', 'repo', 'ls', '--plain-http', host);
    expect((await waybill(['logout', host], { env })).code).toBe(0);
    await peer('crane', 'auth', 'login', host, '-u', USER, '-p', PASSWORD);
    const pushed = await waybill(['list', `${host}/${repository}`], { env });
    // Let in, it finds that there is nothing.
    expect(pushed.stderr).toContain('NotFound');
  } finally {
    await stop();
  }
});
