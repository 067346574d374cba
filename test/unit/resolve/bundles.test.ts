import { expect, test } from 'vitest';
import { createResolveContext, resolverOf } from '../../../src/resolve/index.ts';
import { inBundle, registry, task } from './stores.ts';

const setUp = async () => {
  const { open, push, at } = registry();
  const descriptor = await push('reg.example/ci/go', 'v1', task('build'), task('test'));
  const context = createResolveContext({ open });
  const resolve = (bundle: string, name: string, more = {}) =>
    resolverOf('bundles').resolve(inBundle(bundle, name, more).params, context);
  return { resolve, descriptor, context, at };
};

test('an object is found by bundle and name, and its source is Tekton’s RefSource', async () => {
  const { resolve, descriptor } = await setUp();
  const found = await resolve('reg.example/ci/go:v1', 'build');
  expect(JSON.parse(Buffer.from(found.bytes).toString())).toEqual(task('build'));
  expect(found).toMatchObject({
    kind: 'task',
    name: 'build',
    source: { uri: 'reg.example/ci/go', digest: descriptor.digest, entryPoint: 'build' },
    verdict: { verified: false, reason: 'no policy' },
    reference: 'reg.example/ci/go:v1#task/build',
  });
});

test('the kind counts without regard to case, an empty param as none', async () => {
  const { resolve, descriptor } = await setUp();
  const bundle = `reg.example/ci/go@${descriptor.digest}`;
  expect(await resolve(bundle, 'test', { kind: 'Task', cache: 'never' })).toMatchObject({ name: 'test' });
  expect(await resolve(bundle, 'test', { kind: '' })).toMatchObject({ kind: 'task' });
  await expect(resolve(bundle, 'test', { kind: 'pipeline' })).rejects.toMatchObject({
    code: 'NotFound',
    message: 'could not find object in image with kind: pipeline and name: test',
  });
});

test.each([
  ['no bundle', { name: 'build' }, 'InvalidInput', 'parameter "bundle" required'],
  ['an empty bundle', { bundle: '', name: 'build' }, 'InvalidInput', 'parameter "bundle" required'],
  ['no name', { bundle: 'reg.example/ci/go:v1' }, 'InvalidInput', 'parameter "name" required'],
  ['a bad cache mode', { bundle: 'reg.example/ci/go:v1', name: 'build', cache: 'x' }, 'InvalidInput', undefined],
  ['a secret', { bundle: 'reg.example/ci/go:v1', name: 'build', secret: 's' }, 'Unsupported', undefined],
  ['a variable', { bundle: 'reg.example/ci/go:$(params.v)', name: 'build' }, 'Unsupported', undefined],
  ['a range', { bundle: 'reg.example/ci/go@^1.2', name: 'build' }, 'BadReference', undefined],
  ['a folder', { bundle: 'oci:dist', name: 'build' }, 'BadReference', undefined],
  ['an object', { bundle: 'reg.example/ci/go:v1#task/build', name: 'build' }, 'BadReference', undefined],
  ['no registry', { bundle: 'ci/go:v1', name: 'build' }, 'BadReference', undefined],
])('%s is refused', async (_name, values, code, message) => {
  const { context } = await setUp();
  const params = Object.entries(values).map(([name, value]) => ({ name, value }));
  const failure = { code, ...(message === undefined ? {} : { message }) };
  await expect(resolverOf('bundles').resolve(params, context)).rejects.toMatchObject(failure);
});

test('the same object is pulled once', async () => {
  const { resolve, at } = await setUp();
  const store = at('reg.example/ci/go');
  const { fetch } = store;
  let fetched = 0;
  store.fetch = (descriptor, signal) => {
    fetched += 1;
    return fetch(descriptor, signal);
  };
  await Promise.all(Array.from({ length: 5 }, () => resolve('reg.example/ci/go:v1', 'build')));
  expect(fetched).toBe(2);
});

test.each(['git', 'http', 'hub', 'cluster', 'mine'])('the resolver %s is refused by name', (name) => {
  expect(() => resolverOf(name)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
});
