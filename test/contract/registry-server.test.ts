import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRegistryServer, folderRepositories, MEDIA_TYPES, type RegistryServer, readHtpasswd } from 'waybill/oci';
import { PASSWORD, USER } from '../support/registry.ts';

/** bcrypt (cost 5) of {@link PASSWORD}. */
const HASH = '$2b$05$2S0WdmBYUf5Ma3XZny1oReZOT6O5nM8TLrhcdSNAUZQTLwo/SxzrO';

const digest = (bytes: Uint8Array | string, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

const EMPTY = Buffer.from('{}');
const manifestOf = (more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: { mediaType: MEDIA_TYPES.empty, digest: digest(EMPTY), size: EMPTY.byteLength },
      layers: [],
      ...more,
    }),
  );

let dir: string;
let server: RegistryServer;
let base: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-serve-'));
  server = createRegistryServer({ repositories: folderRepositories(dir), scratch: join(dir, '.uploads') });
  base = `http://127.0.0.1:${(await server.listen(0, '127.0.0.1')).port}`;
});
afterAll(async () => {
  await server.close();
  expect(await readdir(dir)).not.toContain('.uploads');
  await rm(dir, { recursive: true, force: true });
});

const call = (method: string, path: string, { headers = {}, body }: { headers?: object; body?: Uint8Array } = {}) =>
  fetch(new URL(path, base), {
    method,
    headers: { ...headers },
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });

const codeOf = async (response: Response): Promise<string> => {
  const { errors } = (await response.json()) as { errors: readonly { code: string }[] };
  return errors[0]?.code ?? '';
};

const begin = async (name: string): Promise<string> => {
  const response = await call('POST', `/v2/${name}/blobs/uploads/`);
  expect(response.status).toBe(202);
  return response.headers.get('location') as string;
};

const pushBlob = async (name: string, bytes: Uint8Array): Promise<void> => {
  const response = await call('POST', `/v2/${name}/blobs/uploads/?digest=${digest(bytes)}`, { body: bytes });
  expect(response.status).toBe(201);
};

const pushManifest = async (name: string, reference: string, bytes: Uint8Array): Promise<Response> => {
  const headers = { 'content-type': MEDIA_TYPES.manifest };
  return call('PUT', `/v2/${name}/manifests/${reference}`, { headers, body: bytes });
};

test('says that it speaks the protocol', async () => {
  expect((await call('GET', '/v2/')).status).toBe(200);
  expect((await call('GET', '/v3/')).status).toBe(404);
  expect((await call('POST', '/v2/')).status).toBe(405);
});

test.each(['UPPER', 'a//b', '../a', 'a/blobs', '-a', 'a'.repeat(256)])(
  'refuses "%s" as the name of a repository',
  async (name) => {
    const response = await call('POST', `/v2/${name.replaceAll('.', '%2e')}/blobs/uploads/`);
    expect([400, 404]).toContain(response.status);
    expect(await readdir(dir)).not.toContain('UPPER');
  },
);

describe('blobs', () => {
  const blob = randomBytes(100_000);
  const name = 'blobs-of/app';
  const url = `/v2/${name}/blobs/${digest(blob)}`;

  test('in one request, in two, and in pieces', async () => {
    await pushBlob(name, blob);
    const two = await begin(name);
    expect((await call('PUT', `${two}?digest=${digest(blob)}`, { body: blob })).status).toBe(201);
    const pieces = await begin(name);
    const sent = async (start: number, end: number) =>
      call('PATCH', pieces, { headers: { 'content-range': `${start}-${end - 1}` }, body: blob.subarray(start, end) });
    const first = await sent(0, 40_000);
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-39999']);
    // The piece after the next one: what is missing is said.
    const wrong = await sent(50_000, 60_000);
    expect([wrong.status, wrong.headers.get('range')]).toEqual([416, '0-39999']);
    const status = await call('GET', pieces);
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-39999']);
    expect((await sent(40_000, 100_000)).status).toBe(202);
    const done = await call('PUT', `${pieces}?digest=${digest(blob)}`);
    expect([done.status, done.headers.get('docker-content-digest')]).toEqual([201, digest(blob)]);
    expect(Buffer.from(await (await call('GET', done.headers.get('location') as string)).arrayBuffer())).toEqual(blob);
    // An upload is over when it is finished.
    expect((await call('GET', pieces)).status).toBe(404);
  });

  test('are found by HEAD, and read in parts', async () => {
    const head = await call('HEAD', url);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '100000']);
    const part = await call('GET', url, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/100000']);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(blob.subarray(10, 20));
    const end = await call('GET', url, { headers: { range: 'bytes=-10' } });
    expect(Buffer.from(await end.arrayBuffer())).toEqual(blob.subarray(-10));
    const rest = await call('GET', url, { headers: { range: 'bytes=99990-' } });
    expect(Buffer.from(await rest.arrayBuffer())).toEqual(blob.subarray(99_990));
    expect((await call('GET', url, { headers: { range: 'bytes=100000-' } })).status).toBe(416);
  });

  test('are mounted from another repository, or else uploaded', async () => {
    const mounted = await call('POST', `/v2/other/blobs/uploads/?mount=${digest(blob)}&from=${name}`);
    expect(mounted.status).toBe(201);
    expect((await call('HEAD', `/v2/other/blobs/${digest(blob)}`)).status).toBe(200);
    const missing = digest(randomBytes(8));
    expect((await call('POST', `/v2/other/blobs/uploads/?mount=${missing}&from=${name}`)).status).toBe(202);
    expect((await call('POST', `/v2/other/blobs/uploads/?mount=${digest(blob)}`)).status).toBe(202);
  });

  test('with another digest are refused, and leave nothing', async () => {
    const other = digest(randomBytes(8));
    const one = await call('POST', `/v2/${name}/blobs/uploads/?digest=${other}`, { body: blob });
    expect([one.status, await codeOf(one)]).toEqual([400, 'DIGEST_INVALID']);
    const two = await call('PUT', `${await begin(name)}?digest=${other}`, { body: blob });
    expect([two.status, await codeOf(two)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await call('HEAD', `/v2/${name}/blobs/${other}`)).status).toBe(404);
    expect((await call('PUT', `${await begin(name)}?digest=nonsense`, { body: blob })).status).toBe(400);
  });

  test('by sha512', async () => {
    const sum = digest(blob, 'sha512');
    expect((await call('PUT', `${await begin(name)}?digest=${sum}`, { body: blob })).status).toBe(201);
    expect((await call('HEAD', `/v2/${name}/blobs/${sum}`)).status).toBe(200);
  });

  test('an upload that is given up is gone', async () => {
    const upload = await begin(name);
    expect((await call('PATCH', upload, { body: blob })).status).toBe(202);
    expect((await call('DELETE', upload)).status).toBe(204);
    expect((await call('PATCH', upload, { body: blob })).status).toBe(404);
    // An upload belongs to its repository.
    const elsewhere = (await begin(name)).replace(name, 'other');
    expect((await call('PUT', `${elsewhere}?digest=${digest(blob)}`, { body: blob })).status).toBe(404);
  });

  test('are deleted', async () => {
    expect((await call('DELETE', url)).status).toBe(202);
    const gone = await call('GET', url);
    expect([gone.status, await codeOf(gone)]).toEqual([404, 'BLOB_UNKNOWN']);
    expect((await call('DELETE', url)).status).toBe(404);
  });
});

describe('manifests', () => {
  const name = 'manifests-of/app';
  beforeAll(() => pushBlob(name, EMPTY));

  test('are found by tag and digest, byte for byte', async () => {
    const bytes = manifestOf({ annotations: { order: 'kept' } });
    const pushed = await pushManifest(name, 'one', bytes);
    expect([pushed.status, pushed.headers.get('docker-content-digest')]).toEqual([201, digest(bytes)]);
    for (const reference of ['one', digest(bytes)]) {
      const got = await call('GET', `/v2/${name}/manifests/${reference}`);
      expect([got.status, got.headers.get('content-type')]).toEqual([200, MEDIA_TYPES.manifest]);
      expect(Buffer.from(await got.arrayBuffer())).toEqual(bytes);
      const head = await call('HEAD', `/v2/${name}/manifests/${reference}`);
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.byteLength)]);
    }
  });

  test.each([
    ['what is no JSON', 'x', Buffer.from('{'), 400, 'MANIFEST_INVALID'],
    ['what is no manifest', 'x', Buffer.from('{"schemaVersion":2}'), 400, 'MANIFEST_INVALID'],
    ['another type than it says', 'x', manifestOf({ mediaType: MEDIA_TYPES.dockerManifest }), 400, 'MANIFEST_INVALID'],
    [
      'a blob that is not there',
      'x',
      manifestOf({ layers: [{ mediaType: MEDIA_TYPES.layer, digest: digest('absent'), size: 6 }] }),
      404,
      'MANIFEST_BLOB_UNKNOWN',
    ],
    ['another digest', digest('other'), manifestOf(), 400, 'DIGEST_INVALID'],
    ['a bad tag', '-x', manifestOf(), 400, 'MANIFEST_INVALID'],
    ['too many bytes', 'x', manifestOf({ annotations: { big: 'x'.repeat(4 * 1024 * 1024) } }), 413, 'SIZE_INVALID'],
  ])('with %s are refused', async (_, reference, bytes, status, code) => {
    const response = await pushManifest(name, reference, bytes);
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
  });

  test('tags are listed in order and in pages', async () => {
    expect((await pushManifest('tagged', 'a', manifestOf())).status).toBe(404);
    await pushBlob('tagged', EMPTY);
    for (const tag of ['c', 'a', 'b']) expect((await pushManifest('tagged', tag, manifestOf())).status).toBe(201);
    const page = async (query: string) => {
      const response = await call('GET', `/v2/tagged/tags/list${query}`);
      return [(await response.json()) as unknown, response.headers.get('link')];
    };
    expect(await page('')).toEqual([{ name: 'tagged', tags: ['a', 'b', 'c'] }, null]);
    expect(await page('?n=2')).toEqual([
      { name: 'tagged', tags: ['a', 'b'] },
      '</v2/tagged/tags/list?n=2&last=b>; rel="next"',
    ]);
    expect(await page('?n=2&last=b')).toEqual([{ name: 'tagged', tags: ['c'] }, null]);
    expect(await page('?n=0')).toEqual([{ name: 'tagged', tags: [] }, null]);
    expect((await call('GET', '/v2/tagged/tags/list?n=x')).status).toBe(400);
    const unknown = await call('GET', '/v2/nobody/tags/list');
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'NAME_UNKNOWN']);
    expect(await (await call('GET', '/v2/_catalog')).json()).toMatchObject({
      repositories: expect.arrayContaining(['manifests-of/app', 'tagged']),
    });
  });

  test('a tag is deleted alone, a manifest with its tags', async () => {
    const bytes = manifestOf({ annotations: { to: 'delete' } });
    for (const tag of ['d1', 'd2']) await pushManifest(name, tag, bytes);
    expect((await call('DELETE', `/v2/${name}/manifests/d1`)).status).toBe(202);
    expect((await call('HEAD', `/v2/${name}/manifests/d1`)).status).toBe(404);
    expect((await call('HEAD', `/v2/${name}/manifests/d2`)).status).toBe(200);
    expect((await call('DELETE', `/v2/${name}/manifests/d2`)).status).toBe(202);
    expect((await call('HEAD', `/v2/${name}/manifests/${digest(bytes)}`)).status).toBe(200);
    expect((await call('DELETE', `/v2/${name}/manifests/${digest(bytes)}`)).status).toBe(202);
    const gone = await call('GET', `/v2/${name}/manifests/${digest(bytes)}`);
    expect([gone.status, await codeOf(gone)]).toEqual([404, 'MANIFEST_UNKNOWN']);
  });

  test('referrers are listed, filtered, and known before their subject', async () => {
    const subject = { mediaType: MEDIA_TYPES.manifest, digest: digest('a subject'), size: 9 };
    const list = `/v2/${name}/referrers/${subject.digest}`;
    const none = await call('GET', list);
    expect([none.status, await none.json()]).toMatchObject([200, { manifests: [] }]);
    for (const artifactType of ['application/a', 'application/b']) {
      const bytes = manifestOf({ artifactType, subject, annotations: { of: artifactType } });
      const pushed = await pushManifest(name, digest(bytes), bytes);
      expect([pushed.status, pushed.headers.get('oci-subject')]).toEqual([201, subject.digest]);
    }
    const all = await call('GET', list);
    expect(all.headers.get('content-type')).toBe(MEDIA_TYPES.index);
    expect(((await all.json()) as { manifests: unknown[] }).manifests).toHaveLength(2);
    const filtered = await call('GET', `${list}?artifactType=application/b`);
    expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(await filtered.json()).toMatchObject({
      manifests: [{ artifactType: 'application/b', annotations: { of: 'application/b' } }],
    });
    expect((await call('GET', `/v2/${name}/referrers/nonsense`)).status).toBe(400);
    expect((await call('GET', `/v2/nobody/referrers/${subject.digest}`)).status).toBe(200);
  });
});

describe('who is let in', () => {
  const start = async (options: Partial<Parameters<typeof createRegistryServer>[0]>) => {
    const one = createRegistryServer({
      repositories: folderRepositories(dir),
      scratch: join(dir, '.more'),
      ...options,
    });
    const { port } = await one.listen(0, '127.0.0.1');
    return { one, url: `http://127.0.0.1:${port}/v2/` };
  };
  const basic = (name: string, password: string) => ({
    headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
  });

  test('those of the htpasswd file', async () => {
    const { one, url } = await start({ passwords: readHtpasswd(`# who\n${USER}:${HASH}\n`, 'htpasswd') });
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="waybill", charset="UTF-8"',
    ]);
    expect((await fetch(url, basic(USER, 'wrong'))).status).toBe(401);
    expect((await fetch(url, basic('nobody', PASSWORD))).status).toBe(401);
    for (let time = 0; time < 2; time += 1) expect((await fetch(url, basic(USER, PASSWORD))).status).toBe(200);
    expect((await fetch(url, basic(USER, 'wrong'))).status).toBe(401);
    await one.close();
  });

  test('a line that is no bcrypt hash is refused with its place', () => {
    expect(() => readHtpasswd('a:$apr1$x$y\n', 'who')).toThrow('who:1');
  });

  test('read only: nothing is pushed or deleted', async () => {
    const { one, url } = await start({ readOnly: true });
    expect((await fetch(`${url}manifests-of/app/tags/list`)).status).toBe(200);
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
      expect((await fetch(`${url}manifests-of/app/manifests/one`, { method })).status).toBe(405);
    }
    await one.close();
  });

  test('an address that is taken, and a folder that is a layout, are refused', async () => {
    const { one, url } = await start({});
    const { port } = new URL(url);
    const other = createRegistryServer({ repositories: folderRepositories(dir), scratch: join(dir, '.more') });
    await expect(other.listen(Number(port), '127.0.0.1')).rejects.toMatchObject({ code: 'Usage' });
    expect(() => folderRepositories(join(dir, 'tagged'))).toThrow(expect.objectContaining({ code: 'Usage' }));
    await one.close();
  });
});
