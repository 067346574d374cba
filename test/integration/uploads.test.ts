import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Body,
  type CopyEvent,
  contentOf,
  copy,
  createMemoryStore,
  credentialOf,
  imageOf,
  jsonContent,
  openRegistry,
  pushImage,
  readAll,
  tarLayer,
} from 'waybill/oci';
import { answerFrom, type Fake, openFake, startFake, stopFakes } from '../support/fake-registry.ts';
import { startRegistry } from '../support/registry.ts';

afterEach(stopFakes);

const MIB = 1024 * 1024;
const blob = contentOf(randomBytes(20 * MIB), 'application/octet-stream');

interface Faults {
  /** Bytes that one request may have; more is 413. */
  readonly most?: number;
  /** `OCI-Chunk-Min-Length` */
  readonly least?: number;
  /** Bytes of the blob after which the connection is cut, once. */
  readonly cutAt?: number;
  /** Forgets the upload when it is cut. */
  readonly forgets?: boolean;
  /** Cuts the connection instead of answering that the blob is stored. */
  readonly silent?: boolean;
}

const sizeOf = (pieces: readonly Buffer[] = []): number => pieces.reduce((size, piece) => size + piece.byteLength, 0);

interface Target extends Fake {
  readonly stored: () => Buffer | undefined;
}

/** A registry that takes uploads as the specification says, with faults. */
const target = async ({ most = Number.POSITIVE_INFINITY, least, cutAt, forgets, silent }: Faults = {}) => {
  let received: Buffer[] | undefined;
  let stored: Buffer | undefined;
  let session = 0;
  let cut = cutAt === undefined;
  const take = async (request: IncomingMessage, room: number): Promise<boolean> => {
    try {
      for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        received?.push(piece.subarray(0, Math.max(0, room - sizeOf(received))));
        if (sizeOf(received) >= room) return false;
      }
      return true;
    } catch {
      return false;
    }
  };
  const fake = await startFake(
    async (request, response) => {
      const { method = '', url = '', headers } = request;
      const state = () => ({
        location: `/uploads/${session}?bytes=${sizeOf(received)}`,
        range: `0-${Math.max(0, sizeOf(received) - 1)}`,
        ...(least === undefined ? {} : { 'oci-chunk-min-length': String(least) }),
      });
      if (method === 'HEAD') return response.writeHead(stored === undefined ? 404 : 200).end();
      if (method === 'POST') {
        session += 1;
        received = [];
        return response.writeHead(202, state()).end();
      }
      const known = url.startsWith(`/uploads/${session}?`) && received !== undefined;
      if (!known) return response.writeHead(404).end();
      if (method === 'GET') return response.writeHead(204, state()).end();
      if (method === 'DELETE') {
        received = undefined;
        return response.writeHead(204).end();
      }
      if (Number(headers['content-length'] ?? 0) > most) return response.writeHead(413, { connection: 'close' }).end();
      const start = /^(\d+)-/.exec(headers['content-range'] ?? '')?.[1];
      if (start !== undefined && Number(start) !== sizeOf(received)) return response.writeHead(416, state()).end();
      if (!(await take(request, cut ? Number.POSITIVE_INFINITY : (cutAt as number)))) {
        cut = true;
        if (forgets) received = undefined;
        return request.socket.resetAndDestroy();
      }
      if (method === 'PATCH') return response.writeHead(202, state()).end();
      stored = Buffer.concat(received ?? []);
      received = undefined;
      if (silent) return request.socket.resetAndDestroy();
      response.writeHead(201).end();
    },
    { raw: true },
  );
  return { ...fake, stored: () => stored } satisfies Target;
};

const slices = function* (bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
};
const stream = () => Readable.from(slices(blob.bytes), { objectMode: false });
const BODIES: readonly (readonly [string, () => Body])[] = [
  ['bytes', () => blob.bytes],
  ['a stream that can be opened again', () => async () => stream()],
];
const methods = (fake: Fake) => fake.seen.map(({ method }) => method);

describe.each(BODIES)('%s', (_, body) => {
  test('go as a whole, with their length', async () => {
    const fake = await target();
    await openFake(fake.host).push(blob.descriptor, body());
    expect(fake.stored()?.equals(blob.bytes)).toBe(true);
    expect(methods(fake)).toEqual(['HEAD', 'POST', 'PUT']);
    expect(fake.seen.at(-1)?.headers['content-length']).toBe(String(blob.bytes.byteLength));
    expect(fake.seen.at(-1)?.headers['transfer-encoding']).toBeUndefined();
  });

  test('go in pieces after a 413, smaller ones after another', async () => {
    const fake = await target({ most: 3 * MIB });
    const store = openFake(fake.host);
    await store.push(blob.descriptor, body());
    expect(fake.stored()?.equals(blob.bytes)).toBe(true);
    const sizes = fake.seen.flatMap(({ method, headers }) =>
      method === 'PATCH' && Number(headers['content-length']) <= 3 * MIB ? [Number(headers['content-length'])] : [],
    );
    expect(sizes).toEqual(Array(10).fill(2 * MIB));
  });

  test('go in the pieces that were asked for, or that the registry wants at least', async () => {
    const fake = await target({ least: 6 * MIB });
    await openFake(fake.host, { chunk: MIB }).push(blob.descriptor, body());
    expect(fake.stored()?.equals(blob.bytes)).toBe(true);
    expect(methods(fake)).toEqual(['HEAD', 'POST', 'PATCH', 'PATCH', 'PATCH', 'PATCH', 'PUT']);
  });

  test.each([
    [1, 2],
    [MIB, 1],
    [11 * MIB + 1, 1],
  ])('go on where the registry is after a cut at %i bytes', async (cutAt, sessions) => {
    const fake = await target({ cutAt });
    await openFake(fake.host).push(blob.descriptor, body());
    expect(fake.stored()?.equals(blob.bytes)).toBe(true);
    // One byte cannot be told from none.
    expect(methods(fake).filter((method) => method === 'POST').length).toBe(sessions);
  });

  test('start again where the registry has forgotten the upload', async () => {
    const fake = await target({ cutAt: 9 * MIB, forgets: true });
    await openFake(fake.host, { chunk: 4 * MIB }).push(blob.descriptor, body());
    expect(fake.stored()?.equals(blob.bytes)).toBe(true);
    expect(methods(fake).filter((method) => method === 'POST').length).toBe(2);
  });

  test('are done where only the answer was lost', async () => {
    const fake = await target({ silent: true });
    await openFake(fake.host).push(blob.descriptor, body());
    expect(methods(fake)).toEqual(['HEAD', 'POST', 'PUT', 'GET', 'HEAD']);
  });
});

test('a registry that takes hardly anything is an error, and the upload is cancelled', async () => {
  const fake = await target({ most: 1000 });
  await expect(openFake(fake.host).push(blob.descriptor, blob.bytes)).rejects.toMatchObject({ code: 'RegistryError' });
  expect(methods(fake).at(-1)).toBe('DELETE');
});

test('a stream that can be read once has one attempt', async () => {
  const fake = await target({ cutAt: 9 * MIB });
  await expect(openFake(fake.host).push(blob.descriptor, stream())).rejects.toMatchObject({ code: 'Unreachable' });
  expect(methods(fake)).toEqual(['HEAD', 'POST', 'PUT', 'DELETE']);
});

test.each([Number.POSITIVE_INFINITY, MIB])(
  'other content than was named is refused, in pieces of %f',
  async (chunk) => {
    const fake = await target();
    const changed = Buffer.from(blob.bytes).fill(0, 0, 100);
    const body = async () => Readable.from(slices(changed), { objectMode: false });
    await expect(openFake(fake.host, { chunk }).push(blob.descriptor, body)).rejects.toMatchObject({
      code: 'DigestMismatch',
    });
    expect(fake.stored()).toBeUndefined();
    expect(methods(fake).at(-1)).toBe('DELETE');
  },
);

test('a source that fails is the error, not the upload that it broke', async () => {
  const fake = await target();
  const body = async () => {
    throw Object.assign(new Error('cannot read'), { code: 'EIO' });
  };
  await expect(openFake(fake.host).push(blob.descriptor, body)).rejects.toMatchObject({ code: 'EIO' });
});

test('an abort cancels the upload', async () => {
  const controller = new AbortController();
  const fake = await target();
  const body = async () =>
    Readable.from(
      (function* () {
        for (const slice of slices(blob.bytes)) {
          if (fake.seen.some(({ method }) => method === 'PUT')) controller.abort();
          yield slice;
        }
      })(),
      { objectMode: false },
    );
  await expect(openFake(fake.host).push(blob.descriptor, body, controller.signal)).rejects.toThrow();
  expect(controller.signal.aborted).toBe(true);
  expect(methods(fake)).toEqual(['HEAD', 'POST', 'PUT', 'DELETE']);
});

describe('between repositories of one registry', () => {
  const image = imageOf({ layers: [{ tar: tarLayer([{ kind: 'file', path: 'a', content: Buffer.from('a') }]) }] });

  /** A registry of two repositories that answers a mount with a status, and asks for tokens. */
  const both = async (status: number) => {
    const memory = createMemoryStore();
    await pushImage(memory, image, { tag: 'v1' });
    const scopes: string[][] = [];
    const fake = await startFake(async (request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.getAll('scope').sort());
        return response.end(JSON.stringify({ token: url.searchParams.getAll('scope').join(' ') }));
      }
      const { authorization } = request.headers;
      const mounting = url.searchParams.has('mount');
      const wanted = mounting ? ['repository:to:pull,push', 'repository:from:pull'] : [''];
      if (authorization === undefined || !wanted.every((scope) => authorization.includes(scope))) {
        return response.writeHead(401, { 'www-authenticate': `Bearer realm="${url.origin}/token",service="s"` }).end();
      }
      if (mounting) return response.writeHead(status, { location: '/uploads/1' }).end();
      if (request.method === 'POST') return response.writeHead(202, { location: '/uploads/2' }).end();
      if (request.method === 'PUT') return response.writeHead(201).end();
      if (url.pathname.startsWith('/v2/to/')) return response.writeHead(404).end();
      await answerFrom(memory, request, response);
    });
    return { ...fake, scopes };
  };
  const credentials = async () => credentialOf('user', 'secret');
  const run = async ({ host }: Fake): Promise<string[]> => {
    const states: string[] = [];
    const [from, to] = ['from', 'to'].map((name) => openFake(host, { credentials }, name));
    await copy(from as never, 'v1', to as never, 'v1', {
      concurrency: 1,
      onEvent: (event) => event.kind === 'done' && states.push(event.state),
    });
    return states.sort();
  };

  test('blobs are mounted, with a token for both', async () => {
    const fake = await both(201);
    expect(await run(fake)).toEqual(['copied', 'mounted', 'mounted']);
    expect(fake.scopes).toContainEqual(['repository:from:pull', 'repository:to:pull,push']);
    expect(fake.seen.some(({ method, url }) => method === 'GET' && url.includes('/blobs/'))).toBe(false);
  });

  test('the upload that a registry begins instead is used', async () => {
    const fake = await both(202);
    expect(await run(fake)).toEqual(['copied', 'copied', 'copied']);
    const puts = fake.seen.filter(({ method, url }) => method === 'PUT' && url.startsWith('/uploads'));
    expect(puts.map(({ url }) => url.split('?')[0])).toEqual(['/uploads/1', '/uploads/1']);
  });

  test('one that mounts nothing is asked once, and gets the blobs', async () => {
    const fake = await both(405);
    expect(await run(fake)).toEqual(['copied', 'copied', 'copied']);
    expect(fake.seen.filter(({ url, headers }) => url.includes('mount=') && headers.authorization).length).toBeLessThan(
      4,
    );
  });
});

test('real registries mount, and take pieces', async () => {
  const { host, stop } = await startRegistry();
  try {
    const from = openRegistry(host, 'from');
    const large = contentOf(randomBytes(3 * MIB), 'application/octet-stream');
    const image = imageOf({ layers: [] });
    const parsed = JSON.parse(Buffer.from(image.manifest.bytes).toString());
    const manifest = jsonContent({ ...parsed, layers: [large.descriptor] }, image.manifest.descriptor.mediaType);
    await pushImage(from, { manifest, blobs: [...image.blobs, large] }, { tag: 'v1' });
    const states: string[] = [];
    const onEvent = (event: CopyEvent) => event.kind === 'done' && states.push(event.state);
    await copy(from, 'v1', openRegistry(host, 'mounted'), 'v1', { onEvent });
    expect(states.sort()).toEqual(['copied', 'mounted', 'mounted']);
    const pieces = openRegistry(host, 'pieces', { chunk: MIB });
    await pieces.push(large.descriptor, async () => Readable.from(slices(large.bytes), { objectMode: false }));
    expect((await readAll(pieces, large.descriptor, { cap: 1e7 })).equals(large.bytes)).toBe(true);
  } finally {
    await stop();
  }
});
