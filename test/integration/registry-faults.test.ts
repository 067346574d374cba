import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createHttp } from 'waybill/http';
import {
  contentOf,
  copy,
  createMemoryStore,
  credentialOf,
  DEFAULT_RETRY,
  jsonContent,
  MANIFEST_CAP,
  MEDIA_TYPES,
  readAll,
} from 'waybill/oci';
import { startFake as fake, openFake as open, stopFake, stopFakes, waits } from '../support/fake-registry.ts';

afterEach(stopFakes);

const blob = contentOf(randomBytes(200_000), 'application/octet-stream');
const config = contentOf(Buffer.from('{}'), MEDIA_TYPES.empty);
const manifest = jsonContent(
  { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: config.descriptor, layers: [config.descriptor] },
  MEDIA_TYPES.manifest,
);
const CAP = { cap: 1e6 };

const sendManifest = (request: IncomingMessage, response: ServerResponse, headers: Record<string, string> = {}) => {
  response.writeHead(200, { 'content-type': MEDIA_TYPES.manifest, ...headers });
  response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
};

test('429 is waited for as long as it asks, 503 by back-off', async () => {
  const { host, seen } = await fake((_, response, count) => {
    if (count === 1) response.writeHead(429, { 'retry-after': '2' }).end();
    else if (count === 2) response.writeHead(503).end();
    else response.end(blob.bytes);
  });
  expect((await readAll(open(host), blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
  expect(seen).toHaveLength(3);
  expect(waits).toEqual([2000, 0]);
});

test('a registry that asks for too long a wait, or never recovers, is an error', async () => {
  const patient = await fake((_, response) => response.writeHead(429, { 'retry-after': '86400' }).end());
  await expect(open(patient.host).fetch(blob.descriptor)).rejects.toMatchObject({ code: 'RegistryError' });
  expect(patient.seen).toHaveLength(1);
  const broken = await fake((_, response) => response.writeHead(500).end());
  await expect(open(broken.host).fetch(blob.descriptor)).rejects.toMatchObject({ code: 'RegistryError' });
  expect(broken.seen).toHaveLength(DEFAULT_RETRY.attempts);
});

test('a blob is taken up where its connection was lost', async () => {
  const { host, seen } = await fake((request, response, count) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0) response.setHeader('content-range', `bytes ${from}-${blob.bytes.byteLength - 1}/*`);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': blob.bytes.byteLength - from });
    if (count > 1) response.end(blob.bytes.subarray(from));
    else response.write(blob.bytes.subarray(0, 100_000), () => setImmediate(() => response.socket?.destroy()));
  });
  expect((await readAll(open(host), blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
  expect(seen).toHaveLength(2);
});

test('a registry that ignores a range is read from the start', async () => {
  const { host } = await fake((_, response, count) => {
    response.writeHead(200, { 'content-length': blob.bytes.byteLength });
    if (count > 1) response.end(blob.bytes);
    else response.write(blob.bytes.subarray(0, 100_000), () => setImmediate(() => response.socket?.destroy()));
  });
  expect((await readAll(open(host), blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
});

test('other bytes than the digest says are refused, blob and manifest', async () => {
  const { host } = await fake((request, response) => {
    if (request.url?.includes('/manifests/')) {
      response.writeHead(200, { 'content-type': MEDIA_TYPES.manifest }).end(Buffer.from(manifest.bytes).fill(32, 0, 1));
    } else response.end(Buffer.from(blob.bytes).fill(0, 0, 10));
  });
  const store = open(host);
  await expect(readAll(store, blob.descriptor, CAP)).rejects.toMatchObject({ code: 'DigestMismatch' });
  await expect(readAll(store, manifest.descriptor, CAP)).rejects.toMatchObject({ code: 'DigestMismatch' });
  await expect(readAll(store, { ...blob.descriptor, size: 10 }, CAP)).rejects.toMatchObject({ code: 'SizeMismatch' });
});

test('a manifest without end is not read to the end', async () => {
  const { host } = await fake((_, response) => {
    response.writeHead(200, { 'content-type': MEDIA_TYPES.manifest });
    const more = () => {
      if (!response.destroyed) response.write(Buffer.alloc(256 * 1024), () => setImmediate(more));
    };
    more();
  });
  await expect(open(host).fetch({ ...manifest.descriptor, size: MANIFEST_CAP })).rejects.toMatchObject({
    code: 'TooLarge',
  });
});

test.each([404, 405, 200])('HEAD answered with %i and nothing more: the manifest is measured here', async (status) => {
  const { host } = await fake((request, response) => {
    if (request.method === 'HEAD') response.writeHead(status).end();
    else sendManifest(request, response);
  });
  expect(await open(host).resolve('v1')).toEqual(manifest.descriptor);
});

test('credentials stay with the registry when it redirects', async () => {
  const storage = await fake((_, response) => response.end(blob.bytes));
  const { host, seen } = await fake((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else response.writeHead(307, { location: `http://${storage.host}/content?signed=1` }).end();
  });
  const store = open(host, { credentials: async () => credentialOf('user', 'secret') });
  expect((await readAll(store, blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
  expect(seen.map(({ headers }) => headers.authorization !== undefined)).toEqual([false, true]);
  expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test('redirects without end, and to what must not be reached, are errors', async () => {
  const round = await fake((_, response) => response.writeHead(307, { location: '/again' }).end());
  await expect(open(round.host).fetch(blob.descriptor)).rejects.toMatchObject({ code: 'RegistryError' });
  const plain = await fake((_, response) => response.writeHead(307, { location: 'http://reg.example/x' }).end());
  await expect(open(plain.host).fetch(blob.descriptor)).rejects.toMatchObject({ code: 'RegistryError' });
});

test('a token is fetched once for many requests, and a wider one for a push', async () => {
  const scopes: (string | null)[] = [];
  const { host } = await fake((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (url.pathname === '/token') {
      expect(request.headers.authorization).toBe(`Basic ${Buffer.from('user:secret').toString('base64')}`);
      scopes.push(url.searchParams.get('scope'));
      response.end(JSON.stringify({ access_token: url.searchParams.get('scope'), expires_in: 300 }));
      return;
    }
    const wanted = request.method === 'POST' || request.method === 'PUT' ? 'pull,push' : 'pull';
    if (!request.headers.authorization?.startsWith(`Bearer repository:app:${wanted}`)) {
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="reg",scope="ignored"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    } else if (request.method === 'POST') response.writeHead(202, { location: '/upload?state=a%2Fb' }).end();
    else if (request.method === 'PUT') response.writeHead(201).end();
    else if (request.url?.includes('/blobs/') && request.method === 'HEAD') response.writeHead(404).end();
    else sendManifest(request, response);
  });
  const store = open(host, { credentials: async () => credentialOf('user', 'secret') });
  await Promise.all(['a', 'b', 'c'].map((tag) => store.resolve(tag)));
  await store.push(blob.descriptor, blob.bytes);
  expect(scopes).toEqual(['repository:app:pull', 'repository:app:pull,push']);
});

test('a realm elsewhere that is not safe gets nothing', async () => {
  const thief = await fake((_, response) => response.end('{"token":"x"}'));
  const { host } = await fake((_, response) => {
    const realm = `http://localhost:${thief.host.split(':')[1]}/token`;
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
  });
  const store = open(host, { credentials: async () => credentialOf('user', 'secret') });
  await expect(store.resolve('v1')).rejects.toMatchObject({ code: 'Unauthorized' });
  expect(thief.seen).toEqual([]);
});

test('a wrong password is tried once and never shown', async () => {
  const { host, seen } = await fake((_, response) =>
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
  );
  const store = open(host, { credentials: async () => credentialOf('user', 'secret') });
  const error = await store.resolve('v1').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'Unauthorized' });
  expect(seen).toHaveLength(2);
  expect(String(error)).not.toContain('secret');
});

test('tags come in pages, and endless pages are an error', async () => {
  const { host } = await fake((request, response) => {
    const first = !request.url?.includes('last=');
    if (first) response.setHeader('link', '</v2/app/tags/list?last=b&n=2>; rel="next"');
    response.end(JSON.stringify({ tags: first ? ['c', 'b'] : ['a', 'b'] }));
  });
  const found: string[] = [];
  for await (const tag of open(host).tags()) found.push(tag);
  expect(found).toEqual(['a', 'b', 'c']);
  const endless = await fake((_, response) => {
    response.setHeader('link', '</v2/app/tags/list?last=b>; rel="next"');
    response.end('{"tags":[]}');
  });
  const read = async () => {
    for await (const _ of open(endless.host).tags());
  };
  await expect(read()).rejects.toMatchObject({ code: 'RegistryError' });
});

test('a failed upload is cancelled', async () => {
  const { host, seen } = await fake((request, response) => {
    if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.method === 'POST') response.writeHead(202, { location: 'uploads/1' }).end();
    else if (request.method === 'PUT') response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}');
    else response.writeHead(204).end();
  });
  await expect(open(host).push(blob.descriptor, blob.bytes)).rejects.toMatchObject({ code: 'RegistryError' });
  expect(seen.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PUT', 'DELETE']);
});

test('referrers come from the API where there is one, and are filtered here', async () => {
  const entries = ['a/one', 'a/two'].map((artifactType) => ({ ...manifest.descriptor, artifactType }));
  const { host, seen } = await fake((_, response) => {
    response.setHeader('content-type', MEDIA_TYPES.index);
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: entries }));
  });
  const found = [];
  for await (const referrer of open(host).referrers(manifest.descriptor, 'a/two')) found.push(referrer);
  expect(found).toEqual([entries[1]]);
  expect(seen).toHaveLength(1);
});

test('nobody there is Unreachable, at once', async () => {
  const { host } = await fake(() => {});
  await stopFake();
  await expect(open(host).resolve('v1')).rejects.toMatchObject({ code: 'Unreachable' });
  expect(waits).toEqual([]);
});

test('a body that is shorter than its descriptor, or says so, is refused', async () => {
  const short = await fake((_, response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    response.end(blob.bytes.subarray(0, 1000));
  });
  await expect(readAll(open(short.host), blob.descriptor, CAP)).rejects.toMatchObject({ code: 'SizeMismatch' });
  const honest = await fake((_, response) => response.end(blob.bytes.subarray(0, 1000)));
  await expect(open(honest.host).fetch(blob.descriptor)).rejects.toMatchObject({ code: 'SizeMismatch' });
});

test('a body without end is left at the size of its descriptor', async () => {
  let sent = 0;
  const { host } = await fake((_, response) => {
    const more = () => {
      if (response.destroyed) return;
      sent += 65_536;
      response.write(Buffer.alloc(65_536), () => setImmediate(more));
    };
    response.writeHead(200);
    more();
  });
  await expect(readAll(open(host), blob.descriptor, CAP)).rejects.toMatchObject({ code: 'SizeMismatch' });
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test.each(['bytes 0-199999/200000', 'bytes 100000-199999/300000', 'bytes 100000-900000/*', 'nonsense', undefined])(
  'a cut blob that goes on with the range %s is refused',
  async (range) => {
    const { host } = await fake((request, response) => {
      if (request.headers.range === undefined) {
        response.writeHead(200, { 'content-length': blob.bytes.byteLength });
        response.write(blob.bytes.subarray(0, 100_000), () => setImmediate(() => response.socket?.destroy()));
        return;
      }
      response.writeHead(206, range === undefined ? {} : { 'content-range': range });
      response.end(blob.bytes.subarray(100_000));
    });
    await expect(readAll(open(host), blob.descriptor, CAP)).rejects.toMatchObject({ code: 'RegistryError' });
  },
);

test('a blob that is cut again and again ends while each time brings something, and not for ever', async () => {
  const serve = (step: number) =>
    fake((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = { 'content-range': `bytes ${from}-${blob.bytes.byteLength - 1}/${blob.bytes.byteLength}` };
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': blob.bytes.byteLength - from,
        ...(from > 0 && range),
      });
      const piece = blob.bytes.subarray(from, from + step);
      if (from + piece.byteLength === blob.bytes.byteLength) response.end(piece);
      else response.write(piece, () => setImmediate(() => response.socket?.destroy()));
    });
  const slow = await serve(20_000);
  expect((await readAll(open(slow.host), blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
  const dead = await fake((_, response) => {
    response.writeHead(200, { 'content-length': blob.bytes.byteLength });
    response.flushHeaders();
    setImmediate(() => response.socket?.destroy());
  });
  await expect(readAll(open(dead.host), blob.descriptor, CAP)).rejects.toMatchObject({ code: 'Unreachable' });
  expect(dead.seen.length).toBeLessThanOrEqual(DEFAULT_RETRY.attempts);
});

test('a first byte that does not come is asked for again, and the wait has an end', async () => {
  const impatient = createHttp({ headersTimeout: 100 });
  const { host, seen } = await fake((_, response, count) => {
    if (count > 1) response.end(blob.bytes);
  });
  expect((await readAll(open(host, { fetch: impatient }), blob.descriptor, CAP)).equals(blob.bytes)).toBe(true);
  expect(seen).toHaveLength(2);
  const silent = await fake(() => {});
  await expect(open(silent.host, { fetch: impatient }).resolve('v1')).rejects.toMatchObject({ code: 'Unreachable' });
  expect(silent.seen).toHaveLength(DEFAULT_RETRY.attempts);
  await impatient.close();
});

test('no request begins after the total limit', async () => {
  let clock = 0;
  const { host, seen } = await fake((_, response) => response.writeHead(503, { 'retry-after': '50' }).end());
  const store = open(host, {
    retry: { ...DEFAULT_RETRY, attempts: 100, total: 120_000 },
    now: () => clock,
    sleep: async (milliseconds) => {
      clock += milliseconds;
    },
  });
  await expect(store.resolve('v1')).rejects.toMatchObject({ code: 'RegistryError' });
  expect(seen).toHaveLength(3);
});

test('a reset is tried again where that does no harm', async () => {
  const { host, seen } = await fake((request, response, count) => {
    if (count === 1) request.socket.resetAndDestroy();
    else sendManifest(request, response, { 'docker-content-digest': manifest.descriptor.digest });
  });
  expect((await open(host).resolve('v1')).digest).toBe(manifest.descriptor.digest);
  expect(seen.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'GET']);
});

test('pages of tags that never end are an error', async () => {
  const { host, seen } = await fake((_, response, count) => {
    response.setHeader('link', `</v2/app/tags/list?last=${count}>; rel="next"`);
    response.end('{"tags":["a"]}');
  });
  await expect(Array.fromAsync(open(host).tags())).rejects.toMatchObject({ code: 'RegistryError' });
  expect(seen.length).toBeLessThanOrEqual(500);
});

test.each([
  'file:///etc/passwd',
  'http://reg.example/x',
  'https://user:pass@reg.example/x',
  'http://[::bad',
  'javascript:alert(1)',
])('an upload that is sent to %s goes nowhere', async (location) => {
  const { host } = await fake((request, response) => {
    if (request.method === 'HEAD') response.writeHead(404).end();
    else response.writeHead(202, { location }).end();
  });
  await expect(open(host).push(blob.descriptor, blob.bytes)).rejects.toMatchObject({ code: 'RegistryError' });
});

test('an upload elsewhere gets the content, and no credentials', async () => {
  const storage = await fake((_, response) => response.writeHead(201).end());
  const { host } = await fake((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else if (request.method === 'HEAD') response.writeHead(404).end();
    else response.writeHead(202, { location: `http://${storage.host}/put?sig=1` }).end();
  });
  await open(host, { credentials: async () => credentialOf('user', 'secret') }).push(blob.descriptor, blob.bytes);
  expect(storage.seen.map(({ method, headers }) => [method, headers.authorization])).toEqual([['PUT', undefined]]);
});

test.each([
  { 'content-type': 'x'.repeat(2000) },
  { 'docker-content-digest': 'sha256:../../etc/passwd' },
  { 'docker-content-digest': 'md5:00' },
  { link: '<'.repeat(4000) },
  { 'www-authenticate': 'Bearer realm="'.repeat(100) },
  { warning: '299 - "\\'.repeat(200) },
  { 'retry-after': '-1' },
])('hostile headers change nothing: %o', async (headers) => {
  const { host } = await fake((request, response) => sendManifest(request, response, headers as never));
  expect((await open(host).resolve('v1')).digest).toBe(manifest.descriptor.digest);
});

test.each([-1, 1.5, 2 ** 60, '5'])('a manifest with a layer of size %s is refused', async (size) => {
  const { host } = await fake((_, response) => {
    response.setHeader('content-type', MEDIA_TYPES.manifest);
    response.end(JSON.stringify({ ...JSON.parse(Buffer.from(manifest.bytes).toString()), layers: [{ size }] }));
  });
  const store = open(host);
  await expect(copy(store, 'v1', createMemoryStore(), undefined)).rejects.toMatchObject({ code: 'BadManifest' });
});

test('headers without end are an error', async () => {
  const { host } = await fake((_, response) => response.writeHead(200, { 'x-a': 'a'.repeat(200_000) }).end());
  await expect(open(host).resolve('v1')).rejects.toMatchObject({ code: 'Unreachable' });
});

test('what a registry warns of is told once', async () => {
  const told: string[] = [];
  const { host } = await fake((request, response) =>
    sendManifest(request, response, { warning: '299 - "over soon", 299 - "over soon"' }),
  );
  const store = open(host, { onWarning: (text) => told.push(text) });
  await store.resolve('a');
  await store.resolve('b');
  expect(told).toEqual(['over soon']);
});

test('a token is renewed before it ends, and one that is refused is replaced', async () => {
  let issued = 0;
  let clock = 0;
  let accepted = '';
  const { host } = await fake((request, response) => {
    if (request.url?.startsWith('/token')) {
      issued += 1;
      accepted = `token-${issued}`;
      response.end(JSON.stringify({ token: accepted, expires_in: 100 }));
    } else if (request.headers.authorization !== `Bearer ${accepted}`) {
      const challenge = `Bearer realm="http://${request.headers.host}/token"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    } else sendManifest(request, response);
  });
  const store = open(host, { now: () => clock });
  await store.resolve('a');
  await store.resolve('b');
  expect(issued).toBe(1);
  clock = 95_000;
  await store.resolve('c');
  expect(issued).toBe(2);
  accepted = 'revoked';
  await store.resolve('d');
  expect(issued).toBe(3);
});
