import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCredentials, firstCredentials, pullSecretCredentials, saveCredential } from 'waybill/oci';
import { well } from '../support/bundles.ts';
import { openFake, startFake, stopFakes } from '../support/fake-registry.ts';
import { PASSWORD, startRegistry, type TestRegistry, USER } from '../support/registry.ts';
import { type Finished, waybill } from '../support/waybill.ts';

let registry: TestRegistry;
let home: string;
let config: string;

beforeAll(async () => {
  registry = await startRegistry({ htpasswd: true });
});
afterAll(() => registry?.stop());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'waybill-login-'));
  config = join(home, '.docker', 'config.json');
});
afterEach(async () => {
  await stopFakes();
  await rm(home, { recursive: true, force: true });
});

const env = () => ({
  HOME: home,
  PATH: `${home}${delimiter}${process.env.PATH}`,
  DOCKER_CONFIG: '',
  REGISTRY_AUTH_FILE: '',
  XDG_RUNTIME_DIR: '',
  XDG_CONFIG_HOME: '',
});
const login = (input: string, ...args: string[]): Promise<Finished> =>
  waybill(['login', registry.host, '-u', USER, '--password-stdin', ...args], { env: env(), input });
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
const writeConfig = async (value: unknown): Promise<void> => {
  await mkdir(join(home, '.docker'), { recursive: true });
  await writeFile(config, JSON.stringify(value), { mode: 0o644 });
};

/** A helper that keeps what it is given in a file. */
const helper = async (): Promise<string> => {
  const kept = join(home, 'kept.json');
  const script = `#!/bin/sh
case "$1" in
  store) cat > '${kept}' ;;
  get) [ -f '${kept}' ] && cat '${kept}' || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm '${kept}' ;;
esac
`;
  await writeFile(join(home, 'docker-credential-test'), script);
  await chmod(join(home, 'docker-credential-test'), 0o755);
  return kept;
};

test('a login is checked, kept for its owner alone beside what is there, used, and forgotten', async () => {
  await writeConfig({ auths: { 'other.example': { auth: 'eDp5' } }, currentContext: 'mine' });
  const { stdout, stderr } = well(await login(`${PASSWORD}\n`));
  expect(stdout + stderr).not.toContain(PASSWORD);
  expect(((await stat(config)).mode & 0o777).toString(8)).toBe('600');
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  expect(await readJson(config)).toEqual({
    auths: { 'other.example': { auth: 'eDp5' }, [registry.host]: { auth } },
    currentContext: 'mine',
  });
  const found = await openFake(registry.host, { credentials: createCredentials({ env: env() }) })
    .resolve('v1')
    .catch((error: unknown) => error);
  expect(found).toMatchObject({ code: 'NotFound' });
  well(await waybill(['logout', registry.host], { env: env() }));
  expect(await readJson(config)).toEqual({ auths: { 'other.example': { auth: 'eDp5' } }, currentContext: 'mine' });
  expect(JSON.parse(well(await waybill(['logout', registry.host, '-o', 'json'], { env: env() })).stdout)).toEqual({
    host: registry.host,
    removed: [],
  });
});

test('a wrong password is refused, and nothing is written', async () => {
  const { code, stdout, stderr } = await login('not the S3CRET');
  expect(code).toBe(3);
  expect(stdout + stderr).not.toContain('S3CRET');
  await expect(stat(config)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await login('')).code).toBe(2);
});

test('a helper is preferred to the file', async () => {
  const kept = await helper();
  await writeConfig({ credsStore: 'test' });
  well(await login(PASSWORD));
  expect(await readJson(kept)).toEqual({ ServerURL: registry.host, Username: USER, Secret: PASSWORD });
  expect(await readJson(config)).toEqual({ credsStore: 'test' });
  well(await waybill(['logout', registry.host], { env: env() }));
  await expect(stat(kept)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a file that is named is written, a link to it stays, and one that is no credential file is left alone', async () => {
  const real = join(home, 'real.json');
  const link = join(home, 'link.json');
  await writeFile(real, '{}');
  await symlink(real, link);
  well(await login(PASSWORD, '--authfile', link));
  expect(Object.keys((await readJson(real)).auths)).toEqual([registry.host]);
  await writeFile(real, '[S3CRET');
  const { code, stderr } = await login(PASSWORD, '--authfile', link);
  expect(code).toBe(3);
  expect(stderr).not.toContain('S3CRET');
  expect(await readFile(real, 'utf8')).toBe('[S3CRET');
});

test('ten logins at once lose nothing', async () => {
  const hosts = Array.from({ length: 10 }, (_, index) => `reg-${index}.example`);
  await Promise.all(hosts.map((host) => saveCredential(host, { kind: 'identity', token: host }, env())));
  expect(Object.keys((await readJson(config)).auths).sort()).toEqual(hosts.sort());
  expect(await createCredentials({ env: env() })('reg-3.example', 'app')).toEqual({
    kind: 'identity',
    token: 'reg-3.example',
  });
});

test('a registry that asks nobody is said to have checked nothing', async () => {
  const { host } = await startFake((_, response) => response.writeHead(200).end('{}'));
  const args = ['login', host, '-u', USER, '--password-stdin', '-o', 'json'];
  const { stdout } = well(await waybill(args, { env: env(), input: 'x' }));
  expect(JSON.parse(stdout)).toMatchObject({ checked: false });
});

test('an identity token is exchanged for an access token', async () => {
  const forms: string[] = [];
  const { host } = await startFake((request, response) => {
    if (request.url?.startsWith('/token')) {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        forms.push(body);
        response.end('{"access_token":"good"}');
      });
    } else if (request.headers.authorization === 'Bearer good') response.end('{"tags":["a"]}');
    else {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end();
    }
  });
  const store = openFake(host, { credentials: async () => ({ kind: 'identity', token: 'refresh' }) });
  expect(await Array.fromAsync(store.tags())).toEqual(['a']);
  const form = Object.fromEntries(new URLSearchParams(forms[0]));
  expect(form).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'refresh',
    service: 's',
    scope: 'repository:app:pull',
  });
});

test('pull secrets of both kinds are read, and run no helper', async () => {
  const auth = Buffer.from('user:pass').toString('base64');
  const data = (value: unknown) => Buffer.from(JSON.stringify(value));
  const json = pullSecretCredentials({
    name: 'a',
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': data({ auths: { 'reg.example/team': { auth } }, credsStore: 'missing' }) },
  });
  const old = pullSecretCredentials({
    name: 'b',
    type: 'kubernetes.io/dockercfg',
    data: { '.dockercfg': data({ 'https://old.example/v1/': { username: 'u', password: 'p' } }) },
  });
  const all = firstCredentials(json, old);
  expect(await all('reg.example', 'team/app')).toMatchObject({ username: 'user', password: 'pass' });
  expect(await all('reg.example', 'other/app')).toBeUndefined();
  expect(await all('old.example', 'app')).toMatchObject({ username: 'u' });
  for (const wrong of [
    { name: 'c', type: 'Opaque', data: {} },
    { name: 'd', type: 'kubernetes.io/dockercfg', data: { '.dockercfg': data(['S3CRET']) } },
    { name: 'e', type: 'kubernetes.io/dockerconfigjson', data: {} },
  ]) {
    expect(() => pullSecretCredentials(wrong)).toThrow(/^secret [cde] is no pull secret$/);
  }
});
