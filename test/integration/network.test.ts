import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as forward, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMemoryStore, imageOf, pushImage } from 'waybill/oci';
import { well } from '../support/bundles.ts';
import { createAuthority, type Pair } from '../support/certificates.ts';
import { answerFrom } from '../support/fake-registry.ts';
import { type Finished, waybill } from '../support/waybill.ts';

/** What was said to the registry, and how it came there. */
interface Seen {
  readonly host: string | undefined;
  readonly url: string;
  /** CN of the client certificate. */
  readonly client: string | undefined;
  readonly authorization: string | undefined;
}

const image = imageOf({ layers: [] });
const seen: Seen[] = [];
const proxied: string[] = [];
/** Hosts that have nothing. */
const empty = new Set<string>();
let dir: string;
let ca: string;
let client: Pair;
let proxy: string;
let count = 0;
const servers: Server[] = [];

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-network-'));
  const authority = await createAuthority(dir);
  const server = await authority.issue('server', ['reg.example', 'mirror.example', 'other.example']);
  client = await authority.issue('client');
  ca = authority.ca;
  const memory = createMemoryStore();
  await pushImage(memory, image, { tag: 'v1' });
  const [cert, key, trusted] = await Promise.all([server.cert, server.key, ca].map((path) => readFile(path)));
  const secure = createTlsServer({ cert, key, ca: trusted, requestCert: true, rejectUnauthorized: false });
  const plain = createServer();
  for (const each of [secure, plain]) {
    each.on('request', (request, response) => {
      const peer = (request.socket as Partial<TLSSocket>).getPeerCertificate?.();
      const { host = '', authorization } = request.headers;
      const name = peer?.subject?.CN as string | undefined;
      seen.push({ host, url: request.url ?? '', client: name, authorization });
      const warning = { warning: '299 - "this registry moves in May"' };
      if (empty.has(host)) response.writeHead(404).end();
      else void answerFrom(memory, request, response, warning);
    });
  }
  const securePort = await listen(secure);
  const plainPort = await listen(plain);
  const middle = createServer((request, response) => {
    proxied.push(request.url ?? '');
    const { pathname, search } = new URL(request.url ?? '');
    const { method = 'GET', headers } = request;
    forward({ host: '127.0.0.1', port: plainPort, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }).end();
  });
  middle.on('connect', (request, socket) => {
    proxied.push(request.url ?? '');
    const upstream = connect(securePort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const each of [upstream, socket]) each.on('error', () => each.destroy());
  });
  proxy = `http://127.0.0.1:${await listen(middle)}`;
});

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  await rm(dir, { recursive: true, force: true });
});

beforeEach(() => {
  seen.length = 0;
  proxied.length = 0;
  empty.clear();
});

/** Copies `HOST/app:v1` into a new layout. */
const pull = (host: string, options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Finished> => {
  count += 1;
  const target = `oci:${join(dir, `out-${count}`)}:v1`;
  return waybill(['copy', `${host}/app:v1`, target, ...options], {
    env: { HOME: dir, XDG_CONFIG_HOME: '', HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: '', ...env },
  });
};
const trust = () => ['--ca-file', ca];

test('an authority of one’s own is trusted when it is named, and a proxy is gone through', async () => {
  const refused = await pull('reg.example');
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('Unreachable')]);
  well(await pull('reg.example', trust()));
  expect(new Set(proxied)).toEqual(new Set(['reg.example:443']));
  expect(new Set(seen.map(({ client: name }) => name))).toEqual(new Set([undefined]));
});

test('a host that is exempt from the proxy is not reached through it', async () => {
  const { code } = await pull('reg.example', trust(), { NO_PROXY: 'reg.example' });
  expect(code).toBe(3);
  expect(proxied).toEqual([]);
});

test('a certificate is unchecked, and plain HTTP spoken, for the host that is named alone', async () => {
  well(await pull('reg.example', ['--insecure', 'https://reg.example']));
  well(await pull('reg.example', ['--insecure', 'reg.example']));
  expect(proxied).toContain('http://reg.example/v2/app/manifests/v1');
  proxied.length = 0;
  expect((await pull('other.example', ['--insecure', 'reg.example'])).code).toBe(3);
  expect(proxied.every((url) => url === 'other.example:443')).toBe(true);
});

test('a client certificate is shown to the registry that is named, and to no mirror', async () => {
  const files = ['--cert-file', client.cert, '--key-file', client.key];
  well(await pull('reg.example', [...trust(), ...files, '--mirror', 'reg.example=mirror.example']));
  const shown = new Map(seen.map(({ host, client: name }) => [host, name]));
  expect(shown.get('mirror.example')).toBeUndefined();
  expect(shown.get('reg.example')).toBe('client');
  expect((await pull('reg.example', ['--cert-file', client.cert])).code).toBe(2);
});

test('a mirror is asked first, and what it lacks comes from the host', async () => {
  const mirror = ['--mirror', 'reg.example=mirror.example/copies'];
  well(await pull('reg.example', [...trust(), ...mirror]));
  const content = seen.filter(({ url }) => /manifests\/(?:v1|sha256:)|blobs/.test(url));
  expect(content.map(({ host }) => host)).toEqual(content.map(() => 'mirror.example'));
  expect(content[0]?.url).toBe('/v2/copies/app/manifests/v1?ns=reg.example');
  seen.length = 0;
  empty.add('mirror.example');
  well(await pull('reg.example', [...trust(), ...mirror]));
  expect(new Set(seen.map(({ host }) => host))).toEqual(new Set(['mirror.example', 'reg.example']));
});

test('mirrors are read from the user’s file, and a file that is wrong is refused', async () => {
  const config = join(dir, 'config');
  await mkdir(join(config, 'waybill'), { recursive: true });
  const file = join(config, 'waybill', 'registries.yaml');
  await writeFile(file, 'version: 1\nmirrors:\n  reg.example: [mirror.example]\n');
  well(await pull('reg.example', trust(), { XDG_CONFIG_HOME: config }));
  expect(seen.some(({ host }) => host === 'mirror.example')).toBe(true);
  await writeFile(file, 'version: 1\nmirror: {}\n');
  expect((await pull('reg.example', trust(), { XDG_CONFIG_HOME: config })).code).toBe(2);
});

test('what the registry warns of is shown once, and requests on demand without secrets', async () => {
  const auth = Buffer.from('user:S3CRET').toString('base64');
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { 'reg.example': { auth } } }));
  const { stderr } = well(await pull('reg.example', [...trust(), '--debug', '--authfile', join(dir, 'auth.json')]));
  const warnings = stderr.split('\n').filter((line) => line.startsWith('warning: '));
  expect(warnings).toEqual(['warning: reg.example says: this registry moves in May']);
  expect(stderr).toContain('> GET https://reg.example/v2/app/manifests/sha256:');
  expect(stderr).not.toMatch(new RegExp(`S3CRET|${auth}`));
  expect(well(await pull('reg.example', [...trust(), '--quiet'])).stderr).toBe('');
});
