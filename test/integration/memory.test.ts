import { createHash, randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Descriptor, imageOf, jsonContent, MEDIA_TYPES } from 'waybill/oci';
import { well } from '../support/bundles.ts';
import { waybill } from '../support/waybill.ts';

const MIB = 1024 * 1024;
const SIZE = 1024 * MIB;
/**
 * What the whole process may take at its peak, in KiB: 150 MiB, and 30 for running from source, which the package does
 * not need (taking the types out costs them before the first line runs).
 */
const MOST = (150 + 30) * 1024;

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Copies by the command line; the result is the process's peak of memory in KiB. */
const copyAlone = async (from: string, to: string): Promise<number> => {
  const told = "process.on('exit', () => console.error('peak', process.resourceUsage().maxRSS))";
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(told)}` };
  const { stderr } = well(await waybill(['copy', `${from}/large:v1`, `${to}/large:v1`, '--no-referrers'], { env }));
  return Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN);
};

test('a blob of 1 GiB is copied between registries in a memory that stays small', async () => {
  const piece = randomBytes(MIB);
  const hash = createHash('sha256');
  for (let at = 0; at < SIZE; at += MIB) hash.update(piece);
  const digest = `sha256:${hash.digest('hex')}` as const;
  const layer: Descriptor = { mediaType: MEDIA_TYPES.layer, digest, size: SIZE };
  const { manifest, blobs } = imageOf({ layers: [] });
  const config = blobs[0] as (typeof blobs)[number];
  const large = jsonContent(
    { ...JSON.parse(Buffer.from(manifest.bytes).toString()), layers: [layer] },
    MEDIA_TYPES.manifest,
  );

  const from = await serve((request, response) => {
    if (request.url?.includes('/manifests/')) {
      const { mediaType, digest: name, size } = large.descriptor;
      response.writeHead(200, { 'content-type': mediaType, 'docker-content-digest': name, 'content-length': size });
      response.end(request.method === 'HEAD' ? undefined : large.bytes);
      return;
    }
    if (!request.url?.endsWith(digest)) return response.end(config.bytes);
    response.writeHead(200, { 'content-length': SIZE });
    let sent = 0;
    const more = (): void => {
      while (sent < SIZE) {
        sent += MIB;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  let received = 0;
  const to = await serve((request, response) => {
    request.on('data', (chunk: Buffer) => {
      received += chunk.byteLength;
    });
    request.on('end', () => {
      if (request.method === 'HEAD') response.writeHead(404).end();
      else if (request.method === 'POST') response.writeHead(202, { location: '/upload' }).end();
      else response.writeHead(201).end();
    });
  });
  expect(await copyAlone(from, to)).toBeLessThan(MOST);
  expect(received).toBeGreaterThan(SIZE);
});
