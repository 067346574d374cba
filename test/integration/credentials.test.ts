import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCredentials, credentialOf } from 'waybill/oci';

let home: string;
const basic = (text: string) => Buffer.from(text).toString('base64');

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'waybill-credentials-'));
  await mkdir(join(home, '.docker'));
  const helper = join(home, 'docker-credential-test');
  await writeFile(
    helper,
    `#!/bin/sh
read -r server
case "$server" in
  stored.example) echo '{"Username":"from","Secret":"store"}' ;;
  token.example) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  broken.example) echo 'secret garbage' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`,
  );
  await chmod(helper, 0o755);
  await writeFile(
    join(home, '.docker', 'config.json'),
    JSON.stringify({
      auths: {
        'reg.example': { auth: basic('user:pass:word') },
        'reg.example/team': { auth: basic('team:pass') },
        'https://old.example/v1/': { username: 'old', password: 'pass' },
        'https://index.docker.io/v1/': { auth: basic('hub:pass') },
        'stored.example': { auth: basic('file:pass') },
        'refresh.example': { identitytoken: 'refresh' },
      },
      credHelpers: { 'token.example': 'test', 'broken.example': 'test', 'gone.example': 'not-installed' },
      credsStore: 'test',
    }),
  );
});
afterAll(() => rm(home, { recursive: true, force: true }));

const find = (host: string, repository = 'app') =>
  createCredentials({ env: { HOME: home, PATH: `${home}${delimiter}${process.env.PATH}` } })(host, repository);

test.each([
  ['reg.example', 'app', credentialOf('user', 'pass:word')],
  ['reg.example', 'team/app', credentialOf('team', 'pass')],
  ['reg.example', 'teams', credentialOf('user', 'pass:word')],
  ['reg.example:5000', 'app', undefined],
  ['a.reg.example', 'app', undefined],
  ['old.example', 'app', credentialOf('old', 'pass')],
  ['docker.io', 'library/alpine', credentialOf('hub', 'pass')],
  ['stored.example', 'app', credentialOf('from', 'store')],
  ['token.example', 'app', { kind: 'identity', token: 'refresh' }],
  ['refresh.example', 'app', { kind: 'identity', token: 'refresh' }],
  ['unknown.example', 'app', undefined],
] as const)('%s/%s', async (host, repository, expected) => {
  expect(await find(host, repository)).toEqual(expected);
});

test.each(['broken.example', 'gone.example'])(
  '%s: a helper that fails is an error without its output',
  async (host) => {
    const error = await find(host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'Unauthorized' });
    expect(String(error)).not.toContain('secret');
  },
);

test('what was given goes first, for its host only; REGISTRY_AUTH_FILE hides the other files', async () => {
  const given = { host: 'reg.example', credential: credentialOf('me', 'mine') };
  const lookUp = createCredentials({ given, env: { HOME: home, REGISTRY_AUTH_FILE: join(home, 'none.json') } });
  expect(await lookUp('reg.example', 'app')).toEqual(given.credential);
  expect(await lookUp('old.example', 'app')).toBeUndefined();
});
