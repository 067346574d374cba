import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import nodeFetch from 'node-fetch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fetch } from 'waybill/http';
import {
  type Content,
  contentOf,
  copy,
  createMemoryStore,
  createRegistryServer,
  credentialOf,
  type Descriptor,
  folderRepositories,
  imageOf,
  jsonContent,
  MANIFEST_CAP,
  MEDIA_TYPES,
  openLayout,
  openRegistry,
  pushImage,
  pushIndex,
  pushManifest,
  type RegistryOptions,
  readAll,
  type Store,
  tarLayer,
} from 'waybill/oci';
import { PASSWORD, startCraneRegistry, startRegistry, type TestRegistry, USER } from '../support/registry.ts';

interface Kind {
  readonly name: string;
  /** Tags outlive what they name: then only the digest is gone. */
  readonly keepsTags?: boolean;
  readonly start: () => Promise<{ readonly open: () => Store; readonly stop: () => Promise<void> }>;
}

/** Building crane from nothing takes a minute on a small machine; once built it is kept. */
const BUILD_TIMEOUT = 10 * 60_000;

const registryKind =
  (start: () => Promise<TestRegistry>, options: RegistryOptions = {}): Kind['start'] =>
  async () => {
    const registry = await start();
    let count = 0;
    return {
      open: () => {
        count += 1;
        return openRegistry(registry.host, `suite/repo-${count}`, { credentials: async () => undefined, ...options });
      },
      stop: registry.stop,
    };
  };

/** A registry that we serve, from a folder of its own. */
const serve = async (): Promise<TestRegistry> => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-served-'));
  const server = createRegistryServer({ repositories: folderRepositories(dir), scratch: join(dir, '.uploads') });
  const { port } = await server.listen(0, '127.0.0.1');
  const stop = async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { host: `127.0.0.1:${port}`, stop };
};

const withPassword = { credentials: async () => credentialOf(USER, PASSWORD) };
/** Another fetch than ours. It gives Node streams for bodies, and knows no agent of undici's. */
const another = { fetch: nodeFetch as unknown as Fetch };

const KINDS: readonly Kind[] = [
  { name: 'memory', start: async () => ({ open: createMemoryStore, stop: async () => {} }) },
  {
    name: 'layout',
    start: async () => {
      const dir = await mkdtemp(join(tmpdir(), 'waybill-layout-'));
      let count = 0;
      return {
        open: () => openLayout(join(dir, String(count++))),
        stop: () => rm(dir, { recursive: true, force: true }),
      };
    },
  },
  { name: 'a registry that we serve', start: registryKind(serve) },
  { name: 'docker-registry', start: registryKind(() => startRegistry()) },
  { name: 'docker-registry with htpasswd', start: registryKind(() => startRegistry({ htpasswd: true }), withPassword) },
  { name: 'crane registry serve', keepsTags: true, start: registryKind(startCraneRegistry) },
  { name: 'a registry that we serve, by node-fetch', start: registryKind(serve, another) },
  {
    name: 'docker-registry with htpasswd, by node-fetch',
    start: registryKind(() => startRegistry({ htpasswd: true }), { ...withPassword, ...another }),
  },
];

const collectAll = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

const image = (text: string) =>
  imageOf({ layers: [{ tar: tarLayer([{ kind: 'file', path: 'a', content: Buffer.from(text) }]) }] });

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });
const digests = (descriptors: readonly Descriptor[]) => descriptors.map(({ digest }) => digest).sort();
const missing: Descriptor = contentOf(Buffer.from('nowhere'), 'text/plain').descriptor;

describe.each(KINDS)('$name', ({ start, keepsTags = false }) => {
  let open: () => Store;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ open, stop } = await start());
  }, BUILD_TIMEOUT);
  afterAll(() => stop?.());

  test('what was pushed is read back, by tag and by digest', async () => {
    const store = open();
    const built = image('one');
    await pushImage(store, built, { tag: 'v1' });
    const expected = bare(built.manifest.descriptor);
    expect(await store.resolve('v1')).toEqual(expected);
    expect(await store.resolve(expected.digest)).toEqual(expected);
    expect(await readAll(store, expected, { cap: MANIFEST_CAP })).toEqual(Buffer.from(built.manifest.bytes));
    for (const { descriptor, bytes } of built.blobs) {
      expect(await store.exists(descriptor)).toBe(true);
      expect(await readAll(store, descriptor, { cap: 1e6 })).toEqual(Buffer.from(bytes));
    }
  });

  test('streams are taken, empty and large, and pushing twice is no error', async () => {
    const store = open();
    const large = contentOf(randomBytes(6 * 1024 * 1024), 'application/octet-stream');
    for (const { descriptor, bytes } of [large, contentOf(Buffer.alloc(0), 'application/octet-stream')]) {
      for (let round = 0; round < 2; round += 1) {
        await store.push(descriptor, Readable.from(slices(bytes), { objectMode: false }));
        expect((await readAll(store, descriptor, { cap: 1e7 })).equals(bytes)).toBe(true);
      }
    }
  });

  test('what is not there is NotFound', async () => {
    const store = open();
    await pushImage(store, image('x'), { tag: 'there' });
    await expect(store.resolve('elsewhere')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(store.resolve(missing.digest)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(readAll(store, missing, { cap: 100 })).rejects.toMatchObject({ code: 'NotFound' });
    await expect(store.tag({ ...missing, mediaType: MEDIA_TYPES.manifest }, 'x')).rejects.toMatchObject({
      code: 'NotFound',
    });
    expect(await store.exists(missing)).toBe(false);
    expect(await store.exists({ ...missing, mediaType: MEDIA_TYPES.manifest })).toBe(false);
  });

  test('a store where nothing was pushed yet resolves nothing', async () => {
    await expect(open().resolve('v1')).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('content of another digest or size is refused, and not kept', async () => {
    const store = open();
    for (const size of [100, 5 * 1024 * 1024]) {
      const { descriptor, bytes } = contentOf(randomBytes(size), 'application/octet-stream');
      const changed = Buffer.from(bytes).fill(0, 0, 8);
      const longer = Buffer.concat([bytes, Buffer.from('x')]);
      for (const [body, code] of [
        [changed, 'DigestMismatch'],
        [longer, 'SizeMismatch'],
        [bytes.subarray(1), 'SizeMismatch'],
      ] as const) {
        await expect(store.push(descriptor, body)).rejects.toMatchObject({ code });
        await expect(store.push(descriptor, Readable.from(slices(body)))).rejects.toMatchObject({ code });
        expect(await store.exists(descriptor)).toBe(false);
      }
    }
  });

  test('a cap is kept before anything is fetched', async () => {
    await expect(readAll(open(), { ...missing, size: 11 }, { cap: 10 })).rejects.toMatchObject({ code: 'TooLarge' });
  });

  test('a tag that no reference could name again is refused', async () => {
    const store = open();
    const descriptor = await pushImage(store, image('tagged'));
    for (const tag of ['', 'b@d', '.x', 'a b', 'x'.repeat(129)]) {
      await expect(store.tag(descriptor, tag)).rejects.toMatchObject({ code: 'BadReference' });
    }
  });

  test('tags move, and are listed in order', async () => {
    const store = open();
    const [one, two] = [image('1'), image('2')];
    for (const tag of ['b', 'a', 'v10', 'v9']) await pushImage(store, one, { tag });
    await pushImage(store, two, { tag: 'b' });
    expect(await collectAll(store.tags())).toEqual(['a', 'b', 'v10', 'v9']);
    expect((await store.resolve('b')).digest).toBe(two.manifest.descriptor.digest);
    expect((await store.resolve('a')).digest).toBe(one.manifest.descriptor.digest);
    await pushImage(store, two, { tag: 'a' });
    for (const tag of ['v10', 'v9']) await store.tag(two.manifest.descriptor, tag);
    expect((await store.resolve(one.manifest.descriptor.digest)).digest).toBe(one.manifest.descriptor.digest);
  });

  test('referrers are found by subject and type, with type and annotations', async () => {
    const store = open();
    const subject = await pushImage(store, image('subject'), { tag: 'v1' });
    expect(await collectAll(store.referrers(subject))).toEqual([]);
    const annotations = { 'dev.waybill.test': 'yes' };
    const first = await pushManifest(store, { artifactType: 'application/x.one', subject, annotations });
    const second = await pushManifest(store, { artifactType: 'application/x.two', subject });
    expect(digests(await collectAll(store.referrers(subject)))).toEqual(digests([first, second]));
    expect(await collectAll(store.referrers(subject, 'application/x.one'))).toEqual([{ ...first, annotations }]);
    await store.delete(first);
    expect(await collectAll(store.referrers(subject))).toEqual([second]);
  });

  test('ten referrers pushed at once are all listed', async () => {
    const store = open();
    const subject = await pushImage(store, image('busy'), { tag: 'v1' });
    const pushed = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        pushManifest(store, { artifactType: 'application/x.busy', subject, annotations: { index: String(index) } }),
      ),
    );
    expect(digests(await collectAll(store.referrers(subject)))).toEqual(digests(pushed));
  });

  test('a deleted manifest is gone, and so is its tag', async () => {
    const store = open();
    const descriptor = await pushImage(store, image('gone'), { tag: 'v1' });
    await store.delete(descriptor);
    await expect(store.resolve(descriptor.digest)).rejects.toMatchObject({ code: 'NotFound' });
    if (!keepsTags) await expect(store.resolve('v1')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(store.delete(descriptor)).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('what is no manifest is refused at the door', async () => {
    const store = open();
    const broken: Content = contentOf(Buffer.from('{"schemaVersion":2}'), MEDIA_TYPES.manifest);
    await expect(store.push(broken.descriptor, broken.bytes)).rejects.toMatchObject({ code: 'BadManifest' });
    const both = jsonContent({ schemaVersion: 2, manifests: [], layers: [] }, MEDIA_TYPES.index);
    await expect(store.push(both.descriptor, both.bytes)).rejects.toMatchObject({ code: 'BadManifest' });
  });

  test('a graph with index and signatures is copied in and out', async () => {
    const origin = createMemoryStore();
    const amd64 = await pushImage(origin, image('amd64'));
    const arm64 = await pushImage(origin, image('arm64'));
    const index = await pushIndex(origin, [amd64, arm64]);
    await origin.tag(index, 'v1');
    const signature = await pushManifest(origin, { artifactType: 'application/x.signature', subject: index });
    const countersignature = await pushManifest(origin, { artifactType: 'application/x.counter', subject: signature });
    const legacy = await pushImage(origin, image('cosign'), { tag: `sha256-${amd64.digest.slice(7)}.sig` });

    const store = open();
    const back = createMemoryStore();
    await copy(origin, 'v1', store, 'copied', { referrers: true });
    await copy(store, 'copied', back, 'back', { referrers: true });
    for (const each of [store, back]) {
      expect(digests(await collectAll(each.referrers(index)))).toEqual([signature.digest]);
      expect(digests(await collectAll(each.referrers(signature)))).toEqual([countersignature.digest]);
      expect((await each.resolve(`sha256-${amd64.digest.slice(7)}.sig`)).digest).toBe(legacy.digest);
      expect(await readAll(each, bare(arm64), { cap: MANIFEST_CAP })).toBeInstanceOf(Buffer);
    }
    const events: string[] = [];
    await copy(origin, 'v1', store, 'again', {
      onEvent: (event) => event.kind === 'done' && events.push(event.state),
    });
    expect(events).toEqual(['exists']);
  });
});

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
