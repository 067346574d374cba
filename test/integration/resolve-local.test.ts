import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { createResolveContext, loadLocal, resolveRun } from '../../src/resolve/index.ts';
import { generateKey, loadPolicy, trustKeys } from '../../src/trust/index.ts';
import { inBundle, pipeline, registry, task } from '../unit/resolve/stores.ts';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-local-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const write = async (path: string, ...documents: object[]): Promise<string> => {
  const file = join(dir, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  return file;
};

const { open, push } = registry();

test('a Pipeline of a folder finds the Tasks beside it, and those of bundles', async () => {
  await push('reg.example/go', 'v1', task('test'));
  const refs = [{ name: 'build' }, inBundle('reg.example/go:v1', 'test')];
  await write('folder/pipeline.yaml', pipeline('p', ...refs));
  const file = await write('folder/tasks/build.yml', task('build'));
  await write('folder/.hidden/build.yaml', task('hidden'));
  await write('folder/readme.md');
  const { object, tasks } = await resolveRun(join(dir, 'folder'), createResolveContext({ open }));
  const verdict = { verified: false, signers: [], reason: 'local file' };
  expect(object.source).toMatchObject({
    kind: 'Pipeline',
    name: 'p',
    uri: `file:${dir}/folder/pipeline.yaml`,
    verdict,
  });
  expect(tasks.get('t0')?.source).toEqual({
    kind: 'Task',
    name: 'build',
    uri: `file:${file}`,
    digest: digestOf(JSON.stringify(task('build'))),
    reference: 'build',
    verdict,
  });
  expect(tasks.get('t1')?.source).toMatchObject({ uri: 'reg.example/go' });
});

test('files are not verified: they run under a policy, and not where only the verified may', async () => {
  const file = await write('one.yaml', task('one'));
  const trust = trustKeys([(await generateKey()).publicKey], 'p');
  await expect(resolveRun(file, createResolveContext({ open, trust }))).resolves.toBeDefined();
  await expect(resolveRun(file, createResolveContext({ open, requireVerified: true }))).rejects.toMatchObject({
    code: 'NotVerified',
  });
});

test('a bundle that a local Pipeline names must satisfy the policy', async () => {
  await push('reg.example/go', 'v1', task('test'));
  const file = await write('unsigned.yaml', pipeline('p', inBundle('reg.example/go:v1', 'test')));
  const trust = trustKeys([(await generateKey()).publicKey], 'p');
  await expect(resolveRun(file, createResolveContext({ open, trust }))).rejects.toMatchObject({ code: 'NotVerified' });
});

test('an object of a file is chosen by name', async () => {
  const file = await write('two.yaml', task('one'), task('two'));
  const context = createResolveContext({ open });
  expect((await resolveRun(`${file}#task/two`, context)).object.source.name).toBe('two');
  await expect(resolveRun(file, context)).rejects.toMatchObject({ code: 'Usage' });
  await expect(resolveRun(`${file}#task/three`, context)).rejects.toMatchObject({ code: 'NotFound' });
});

test('a file that holds a run does not run what stands beside it, unless that is named', async () => {
  const run = {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { name: 'r' },
    spec: { taskRef: { name: 'build' } },
  };
  const file = await write('with-run.yaml', task('build'), run);
  await expect(resolveRun(file, createResolveContext({ open }))).rejects.toMatchObject({ code: 'Unsupported' });
  const { object } = await resolveRun(`${file}#task/build`, createResolveContext({ open }));
  expect(object.source.name).toBe('build');
});

test('what stands beside the objects is left out with a warning', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
  const file = await write('beside.yaml', task('one'), secret);
  const context = createResolveContext({ open });
  await resolveRun(file, context);
  expect(context.warnings().map(({ code }) => code)).toEqual(['object-left-out']);
});

test('two objects of one kind and name are refused', async () => {
  await write('twice/a.yaml', task('one'));
  await write('twice/b.yaml', task('one'));
  await expect(loadLocal(join(dir, 'twice'))).rejects.toMatchObject({
    code: 'InvalidInput',
    diagnostics: [{ code: 'duplicate-object', file: join(dir, 'twice/b.yaml') }],
  });
});

test('a path that is not there, an empty folder, broken YAML', async () => {
  await mkdir(join(dir, 'empty'), { recursive: true });
  const broken = await write('broken.yaml');
  await writeFile(broken, 'a: [');
  await expect(loadLocal(join(dir, 'nowhere'))).rejects.toMatchObject({ code: 'NotFound' });
  await expect(loadLocal(join(dir, 'empty'))).rejects.toMatchObject({ code: 'NotFound' });
  await expect(loadLocal(broken)).rejects.toMatchObject({ code: 'InvalidInput' });
});

test('a policy file names its keys by paths beside it', async () => {
  const key = (await generateKey()).publicKey;
  await mkdir(join(dir, 'keys'), { recursive: true });
  await writeFile(join(dir, 'keys/a.pub'), key.pem);
  const file = await write('policy.yaml', { version: 1, rules: [{ pattern: '**', keys: [{ path: 'keys/a.pub' }] }] });
  expect(await loadPolicy(file)).toMatchObject({ policy: { source: file, rules: [{ keys: [key.id] }] } });
  await expect(loadPolicy(join(dir, 'nowhere.yaml'))).rejects.toMatchObject({ code: 'NotFound' });
  const lost = await write('lost.yaml', { version: 1, rules: [{ pattern: '**', keys: [{ path: 'lost.pub' }] }] });
  await expect(loadPolicy(lost)).rejects.toMatchObject({
    code: 'BadPolicy',
    diagnostics: [{ code: 'policy-bad-key' }],
  });
});
