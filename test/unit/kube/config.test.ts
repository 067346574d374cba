import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findClusterAccess, loadClusterAccess } from '../../../src/kube/config.ts';
import { createAuthenticator } from '../../../src/kube/credential.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-kube-'));
});
afterAll(() => rm(dir, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const config = (user: object, cluster: object = {}, more: object = {}) =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'n' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://k.example:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    ...more,
  });

let files = 0;
const write = async (text: string): Promise<string> => {
  files += 1;
  const file = join(dir, `config-${files}`);
  await writeFile(file, text);
  return file;
};

const load = async (text: string, context?: string) =>
  loadClusterAccess({ env: {}, home: dir, file: await write(text), ...(context && { context }) });

test('a client certificate, as data and as files beside the kubeconfig', async () => {
  await writeFile(join(dir, 'key.pem'), 'KEY');
  await writeFile(join(dir, 'ca.pem'), 'CA');
  const user = { 'client-certificate-data': base64('CERT'), 'client-key': 'key.pem' };
  const access = await load(config(user, { 'certificate-authority': 'ca.pem', 'tls-server-name': 'other' }));
  expect(access).toEqual({
    server: 'https://k.example:6443',
    namespace: 'n',
    context: 'c',
    ca: 'CA',
    skipVerify: false,
    servername: 'other',
    credential: { kind: 'certificate', cert: 'CERT', key: 'KEY' },
  });
});

test('YAML with the fields that kubectl writes', async () => {
  const access = await load(`apiVersion: v1
kind: Config
preferences: {}
current-context: c
contexts:
- context: {cluster: k, user: u}
  name: c
clusters:
- cluster:
    server: http://127.0.0.1:8080
    insecure-skip-tls-verify: true
  name: k
users:
- name: u
  user:
    token: "123"
`);
  expect(access).toMatchObject({
    server: 'http://127.0.0.1:8080',
    namespace: 'default',
    skipVerify: true,
    credential: { kind: 'token', token: '123' },
  });
});

test.each([
  ['basic auth', { username: 'a', password: 'hunter2' }, {}],
  ['an auth provider', { 'auth-provider': { name: 'gcp' } }, {}],
  ['impersonation', { as: 'root' }, {}],
  ['an old plugin', { exec: { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: 'x' } }, {}],
  ['a proxy', { token: 'x' }, { 'proxy-url': 'http://proxy' }],
  ['a certificate without its key', { 'client-certificate-data': base64('CERT') }, {}],
  ['a server that is no URL', { token: 'x' }, { server: 'k.example' }],
  ['a file that is not there', { token: 'x' }, { 'certificate-authority': 'nowhere.pem' }],
])('%s is refused, and no secret is said', async (_, user, cluster) => {
  const error = await load(config(user, cluster)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'KubeConfig' });
  expect(String(error)).not.toContain('hunter2');
});

test.each([
  ['broken YAML', 'token: [hunter2', undefined],
  ['another shape', '{"clusters": {"hunter2": 1}}', undefined],
  ['a context that is not there', config({ token: 'hunter2' }), 'other'],
  ['no current context', '{}', undefined],
  ['a user that is not there', config({}, {}, { users: [] }), undefined],
  ['a cluster that is not there', config({}, {}, { clusters: null }), undefined],
])('%s is said', async (_, text, context) => {
  const error = await load(text, context).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'KubeConfig' });
  expect(JSON.stringify({ ...(error as object), message: String(error) })).not.toContain('hunter2');
});

test('of several files the first that says something wins, and missing ones are skipped', async () => {
  const first = await write(
    JSON.stringify({ 'current-context': 'c', users: [{ name: 'u', user: { token: 'first' } }] }),
  );
  const second = await write(config({ token: 'second' }, {}, { 'current-context': 'other' }));
  const env = { KUBECONFIG: `${join(dir, 'nowhere')}:${first}:${second}` };
  expect(await loadClusterAccess({ env, home: dir })).toMatchObject({ credential: { token: 'first' }, context: 'c' });
});

test('nothing configured is told apart from a file that is missing', async () => {
  expect(await findClusterAccess({ env: {}, home: dir })).toBeUndefined();
  await expect(loadClusterAccess({ env: {}, home: dir })).rejects.toMatchObject({ code: 'KubeConfig' });
  const file = join(dir, 'nowhere');
  await expect(findClusterAccess({ env: {}, home: dir, file })).rejects.toMatchObject({ code: 'KubeConfig' });
});

const CLUSTER = { server: 'https://k.example', skipVerify: false, ca: 'CA' };

test('a token file is read again after a minute, or when its token was refused', async () => {
  const path = await write('one\n');
  let now = 0;
  const authenticator = createAuthenticator({ kind: 'tokenFile', path }, { cluster: CLUSTER, env: {}, now: () => now });
  const first = await authenticator.current();
  await writeFile(path, 'two');
  now = 59_000;
  expect((await authenticator.current()).token).toBe('one');
  now = 61_000;
  expect((await authenticator.current()).token).toBe('two');
  await writeFile(path, 'three');
  expect(authenticator.refused(first)).toBe(true);
  expect((await authenticator.current()).token).toBe('two');
  authenticator.refused(await authenticator.current());
  expect((await authenticator.current()).token).toBe('three');
});

const plugin = async (script: string): Promise<string> => {
  const file = await write(`#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
};

const V1 = 'client.authentication.k8s.io/v1';
const exec = (command: string, more: object = {}) => ({
  kind: 'exec' as const,
  file: join(dir, 'config'),
  exec: { apiVersion: V1, command, interactiveMode: 'Never' as const, ...more },
});

test('a plugin is run once until its token ends, and told of the cluster', async () => {
  const status = '{"token":"'.concat("'$(cat $LOG | wc -l)$PREFIX'", '","expirationTimestamp":"2030-01-01T00:00:00Z"}');
  const command = await plugin(
    `echo "$KUBERNETES_EXEC_INFO" >> $LOG\necho '{"apiVersion":"${V1}","kind":"ExecCredential","status":${status}}'`,
  );
  const log = await write('');
  const credential = exec(command, { env: [{ name: 'PREFIX', value: '-x' }], provideClusterInfo: true });
  let now = 0;
  const env = { ...process.env, LOG: log };
  const authenticator = createAuthenticator(credential, { cluster: CLUSTER, env, now: () => now });
  const both = await Promise.all([authenticator.current(), authenticator.current()]);
  expect(both.map(({ token }) => token)).toEqual(['1-x', '1-x']);
  now = Date.parse('2030-01-01T00:00:00Z');
  expect((await authenticator.current()).token).toBe('2-x');
  // A token that the server refuses is of no use until its end.
  now = 0;
  expect(authenticator.refused(await authenticator.current())).toBe(true);
  expect((await authenticator.current()).token).toBe('3-x');
});

test.each([
  ['a command that is not there', 'nowhere-to-be-found', undefined],
  ['a failure', undefined, 'echo hunter2; exit 3'],
  ['an answer that is no JSON', undefined, 'echo hunter2'],
  ['another version', undefined, `echo '{"apiVersion":"v2","kind":"ExecCredential","status":{"token":"hunter2"}}'`],
  ['no credential', undefined, `echo '{"apiVersion":"${V1}","kind":"ExecCredential","status":{}}'`],
  ['an endless answer', undefined, 'yes hunter2 2>/dev/null'],
])('%s of a plugin is said, without what it printed', async (_, command, script) => {
  const credential = exec(command ?? (await plugin(script ?? '')));
  const authenticator = createAuthenticator(credential, { cluster: CLUSTER, env: process.env });
  const error = await authenticator.current().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'KubeConfig' });
  expect(String(error)).not.toContain('hunter2');
});

test('a plugin that needs a terminal is refused without one', async () => {
  const credential = exec(await plugin('true'), { interactiveMode: 'Always' });
  const authenticator = createAuthenticator(credential, { cluster: CLUSTER, env: process.env });
  if (process.stdin.isTTY) return;
  await expect(authenticator.current()).rejects.toMatchObject({ code: 'KubeConfig' });
});
