import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { command } from '../../../cli/commands/auth-check.ts';
import { type Answer, json, refuse, serve } from '../kube/server.ts';
import { CONTEXT } from './context.ts';

const USER = 'system:serviceaccount:builds:waybill-runner';

/** An API server that grants every right, and answers `namespace` to whoever looks for one. */
const cluster = async (namespace: Answer) => {
  const { asked, client } = await serve((response, request) => {
    const answer = request.path.endsWith('/selfsubjectreviews')
      ? json(201, { status: { userInfo: { username: USER } } })
      : request.path.endsWith('/selfsubjectaccessreviews')
        ? json(201, { status: { allowed: true } })
        : namespace;
    return answer(response, request);
  });
  const folder = await mkdtemp(join(tmpdir(), 'waybill-auth-check-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: client().server } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { token: 't' } }],
    }),
  );
  const context = { ...CONTEXT, cwd: folder };
  return { asked, check: () => command.run(context, [], { kubeconfig, namespace: 'builds', role: 'runner' }) };
};

const stored = { metadata: { name: 'builds', uid: 'u', resourceVersion: '1' } };

test('says whose rights it checked, in a namespace that it saw', async () => {
  const { asked, check } = await cluster(json(200, stored));
  const { data, text, exitCode } = await check();
  expect({ data, exitCode }).toMatchObject({ exitCode: 0, data: { user: USER, namespaceSeen: true, complete: true } });
  expect(text.split('\n')[0]).toContain(USER);
  expect(asked.filter(({ method }) => method === 'GET').map(({ path }) => path)).toEqual(['/api/v1/namespaces/builds']);
});

test('a namespace that is not there is no place to have rights in', async () => {
  const { check } = await cluster(refuse(404, 'NotFound'));
  await expect(check()).rejects.toMatchObject({ code: 'NotFound', subject: 'builds' });
});

test('where the user may not look for the namespace, rights alone decide', async () => {
  const { check } = await cluster(refuse(403, 'Forbidden'));
  expect(await check()).toMatchObject({ exitCode: 0, data: { namespaceSeen: false, complete: true } });
});
