import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type CopyEvent, contentOf, copy, createMemoryStore, imageOf, pushImage } from 'waybill/oci';
import { answerFrom, openFake, startFake, stopFakes } from '../support/fake-registry.ts';

afterEach(stopFakes);

/** Milliseconds that every answer takes. */
const DELAY = 10;
const COUNT = 500;

test('many small blobs are copied side by side, with four requests each', async () => {
  const memory = createMemoryStore();
  const layers = Array.from({ length: COUNT }, (_, index) => contentOf(Buffer.from(`blob ${index}`), 'text/plain'));
  const { manifest, blobs } = imageOf({ layers: [] });
  const parsed = JSON.parse(Buffer.from(manifest.bytes).toString());
  const bytes = Buffer.from(JSON.stringify({ ...parsed, layers: layers.map(({ descriptor }) => descriptor) }));
  const many = contentOf(bytes, manifest.descriptor.mediaType);
  await pushImage(memory, { manifest: many, blobs: [...blobs, ...layers] }, { tag: 'v1' });

  let [busy, peak] = [0, 0];
  const from = await startFake(async (request, response) => {
    busy += 1;
    peak = Math.max(peak, busy);
    await sleep(DELAY);
    await answerFrom(memory, request, response);
    busy -= 1;
  });
  const stored = new Set<string>();
  const to = await startFake(async ({ method, url = '' }, response) => {
    await sleep(DELAY);
    if (method === 'HEAD') return response.writeHead(404).end();
    if (method === 'POST') return response.writeHead(202, { location: '/upload' }).end();
    stored.add(url);
    response.writeHead(201).end();
  });
  const events: CopyEvent[] = [];
  await copy(openFake(from.host), 'v1', openFake(to.host), 'v1', { onEvent: (event) => events.push(event) });

  expect(stored.size).toBe(COUNT + 2);
  // Blobs: HEAD, GET, POST, PUT. The manifest: HEAD and GET there, HEAD and PUT here.
  expect(from.seen.length + to.seen.length).toBe(4 * (COUNT + 1) + 4);
  expect(peak).toBeGreaterThan(8);
  expect(peak).toBeLessThanOrEqual(24);
  expect(events.filter(({ kind }) => kind === 'done')).toHaveLength(COUNT + 2);
});
