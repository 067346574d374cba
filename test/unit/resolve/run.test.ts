import { expect, test } from 'vitest';
import { ANNOTATIONS } from '../../../src/bundle/index.ts';
import { imageOf, pushImage, tarLayer } from '../../../src/oci/index.ts';
import { createResolveContext, resolveReference, resolveRun } from '../../../src/resolve/index.ts';
import { generateKey, keySigner, signBundle, trustKeys } from '../../../src/trust/index.ts';
import { inBundle, pipeline, registry, task } from './stores.ts';

const NOW = new Date(0);
const REF = 'reg.example/ci/release:v1';

test('a Pipeline is resolved with the Tasks beside it and those of other bundles', async () => {
  const { open, push } = registry();
  const other = await push('reg.example/ci/go', 'v1', task('build', 'other'));
  const own = await push(
    'reg.example/ci/release',
    'v1',
    pipeline('p', { name: 'build' }, inBundle('reg.example/ci/go:v1', 'build')),
    task('build'),
  );
  const { object, tasks } = await resolveRun(REF, createResolveContext({ open }));
  expect(object.source).toEqual({
    kind: 'Pipeline',
    name: 'p',
    uri: 'reg.example/ci/release',
    digest: own.digest,
    entryPoint: 'p',
    reference: REF,
    verdict: { verified: false, signers: [], reason: 'no policy' },
  });
  expect(tasks.get('t0')?.source).toMatchObject({
    uri: 'reg.example/ci/release',
    digest: own.digest,
    reference: 'build',
  });
  expect(tasks.get('t1')?.source).toMatchObject({
    uri: 'reg.example/ci/go',
    digest: other.digest,
    entryPoint: 'build',
    reference: 'reg.example/ci/go:v1#task/build',
  });
  expect(tasks.get('t1')?.object.spec.steps[0]?.image).toBe('other');
});

test('every bundle that a run uses must satisfy the policy, not only the first', async () => {
  const { open, push, at } = registry();
  const key = await generateKey();
  const trust = trustKeys([key.publicKey], 'p');
  const go = await push('reg.example/ci/go', 'v1', task('build'));
  const release = await push('reg.example/ci/release', 'v1', pipeline('p', inBundle('reg.example/ci/go:v1', 'build')));
  await signBundle(at('reg.example/ci/release'), release, keySigner(key), { now: NOW });
  await expect(resolveRun(REF, createResolveContext({ open, trust }))).rejects.toMatchObject({
    code: 'NotVerified',
    subject: `reg.example/ci/go@${go.digest}`,
  });
  await signBundle(at('reg.example/ci/go'), go, keySigner(key), { now: NOW });
  const { tasks } = await resolveRun(REF, createResolveContext({ open, trust, requireVerified: true }));
  expect(tasks.get('t0')?.source.verdict).toMatchObject({ verified: true, signers: [key.publicKey.id] });
});

test('nothing of a refused bundle is fetched', async () => {
  const { open, push, at } = registry();
  await push('reg.example/ci/release', 'v1', task('build'));
  const store = at('reg.example/ci/release');
  const fetched: string[] = [];
  const closed: typeof open = () => ({
    ...store,
    fetch: (descriptor, signal) => {
      fetched.push(descriptor.mediaType);
      return store.fetch(descriptor, signal);
    },
  });
  const trust = trustKeys([(await generateKey()).publicKey], 'p');
  await expect(resolveRun(REF, createResolveContext({ open: closed, trust }))).rejects.toMatchObject({
    code: 'NotVerified',
  });
  expect(fetched).toEqual([]);
});

test('a name without an object is not found', async () => {
  const { open, push } = registry();
  await push('reg.example/ci/release', 'v1', pipeline('p', { name: 'build' }));
  await expect(resolveRun(REF, createResolveContext({ open }))).rejects.toMatchObject({
    code: 'NotFound',
    subject: 'build',
  });
});

test.each([
  ['a custom task', { apiVersion: 'example.dev/v1', kind: 'Wait', name: 'w' }],
  ['another resolver', { resolver: 'git', params: [{ name: 'url', value: 'https://x.example/r' }] }],
])('%s is refused', async (_name, taskRef) => {
  const { open, push } = registry();
  await push('reg.example/ci/release', 'v1', pipeline('p', taskRef));
  await expect(resolveRun(REF, createResolveContext({ open }))).rejects.toMatchObject({ kind: 'usage' });
});

test('the one Pipeline is meant, or the one Task; else the object must be named', async () => {
  const { open, push } = registry();
  await push('reg.example/a', 'v1', task('one'), pipeline('p', { name: 'one' }));
  await push('reg.example/b', 'v1', task('one'));
  await push('reg.example/c', 'v1', task('one'), task('two'));
  const context = createResolveContext({ open });
  expect((await resolveRun('reg.example/a:v1', context)).object.source.kind).toBe('Pipeline');
  expect((await resolveRun('reg.example/a:v1#task/one', context)).object.source.kind).toBe('Task');
  expect((await resolveRun('reg.example/b:v1', context)).object.source.name).toBe('one');
  await expect(resolveRun('reg.example/c:v1', context)).rejects.toMatchObject({ code: 'Usage' });
  await expect(resolveRun('reg.example/c:v1#task/three', context)).rejects.toMatchObject({ code: 'NotFound' });
});

test('a layer that holds another object than it says is refused', async () => {
  const { open, at } = registry();
  const tar = tarLayer([{ kind: 'file', path: 'one', content: Buffer.from(JSON.stringify(task('two'))) }]);
  const annotations = {
    [ANNOTATIONS.apiVersion]: 'tekton.dev/v1',
    [ANNOTATIONS.kind]: 'task',
    [ANNOTATIONS.name]: 'one',
  };
  await pushImage(at('reg.example/a'), imageOf({ layers: [{ tar, annotations }] }), { tag: 'v1' });
  const context = createResolveContext({ open });
  await expect(resolveRun('reg.example/a:v1', context)).rejects.toMatchObject({ code: 'BadBundle' });
});

test('a reference that is no bundle is refused', async () => {
  const context = createResolveContext({ open: registry().open });
  await expect(resolveReference('./file.yaml', context)).rejects.toMatchObject({ code: 'Usage' });
  await expect(resolveReference('git:https://x.example/r', context)).rejects.toMatchObject({ code: 'Unsupported' });
  await expect(resolveReference('reg.example/a@^1.2', context)).rejects.toMatchObject({ code: 'Unsupported' });
});
