import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type Digest, WaybillError } from '../../core/index.ts';
import { isAbort } from '../../http/index.ts';
import type { Descriptor } from '../types.ts';
import { assertMatches, collect, verified } from '../verify.ts';
import { bodyStream, discard } from './body.ts';
import { type Client, unreachable } from './client.ts';

/** Streams up to this size (bytes) are read first, so that a failed upload can be repeated. */
const REPEATABLE = 4 * 1024 * 1024;
const ATTEMPTS = 3;

/** A blob as a stream. A connection lost in the middle is taken up where it ended; the reader checks the whole. */
export const fetchBlob = async (client: Client, { digest }: Descriptor, signal?: AbortSignal): Promise<Readable> => {
  const open = (from: number): Promise<Response> =>
    client.send({
      method: 'GET',
      to: `${client.repository}/blobs/${digest}`,
      action: 'pull',
      what: `blob ${digest} of ${client.host}/${client.repository}`,
      accept: from === 0 ? [200] : [200, 206],
      ...(from === 0 ? {} : { headers: { range: `bytes=${from}-` } }),
      signal,
    });
  // Opened before this returns, so that a blob that is not there is this call's error.
  const first = await open(0);
  return Readable.from(pieces(client, first, open, signal), { objectMode: false });
};

async function* pieces(
  { host }: Client,
  first: Response,
  open: (from: number) => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let response = first;
  let passed = 0;
  for (let attempt = 1; ; attempt += 1) {
    let skip = passed - startOf(response, passed, host);
    try {
      for await (const piece of bodyStream(response) as AsyncIterable<Uint8Array>) {
        const fresh = piece.subarray(Math.min(skip, piece.byteLength));
        skip -= piece.byteLength - fresh.byteLength;
        passed += fresh.byteLength;
        if (fresh.byteLength > 0) yield fresh;
      }
      return;
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      if (attempt >= ATTEMPTS) throw unreachable(host, error);
    }
    await pause(50 * attempt, undefined, { signal });
    response = await open(passed);
  }
}

/** The offset at which a response's body starts: a registry may answer a range with the whole. */
const startOf = (response: Response, wanted: number, host: string): number => {
  if (response.status === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (Number(start) === wanted) return wanted;
  throw new WaybillError('RegistryError', `${host} answered with another range than it was asked for`);
};

/** Whether the repository has a blob. */
export const hasBlob = async (client: Client, digest: Digest, signal?: AbortSignal): Promise<boolean> => {
  const response = await client.send({
    method: 'HEAD',
    to: `${client.repository}/blobs/${digest}`,
    action: 'pull',
    what: `blob ${digest} of ${client.host}/${client.repository}`,
    accept: [200, 404],
    signal,
  });
  await discard(response);
  return response.status === 200;
};

/**
 * Uploads a blob in one piece; what is left of a failed upload is cancelled.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#post-then-put
 */
export const pushBlob = async (
  client: Client,
  descriptor: Descriptor,
  given: Readable | Uint8Array,
  signal?: AbortSignal,
): Promise<void> => {
  const small = given instanceof Readable && descriptor.size <= REPEATABLE;
  const body = small ? await collect(given, descriptor) : given;
  if (body instanceof Uint8Array) assertMatches(body, descriptor);
  const what = `the upload of blob ${descriptor.digest} to ${client.host}/${client.repository}`;
  const path = `${client.repository}/blobs/uploads/`;
  const begin = { method: 'POST', to: path, action: 'push', what, accept: [202], repeatable: true, signal } as const;
  const started = await client.send({ ...begin, headers: { 'content-length': '0' } });
  await discard(started);
  const location = client.follow(started.headers.get('location') ?? '', started.url || `${client.origin}/v2/${path}`);
  const upload = new URL(location);
  upload.searchParams.set('digest', descriptor.digest);
  const stream = body instanceof Readable ? verified(body, descriptor) : undefined;
  // What is wrong with the content says more than the upload that it broke.
  let broken: Error | undefined;
  stream?.once('error', (error) => {
    broken = error;
  });
  try {
    const done = await client.send({
      method: 'PUT',
      to: upload,
      action: 'push',
      what,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
      body: stream ?? (body as Uint8Array),
      accept: [201],
      signal,
    });
    await discard(done);
  } catch (error) {
    await cancel(client, location);
    throw broken ?? error;
  }
};

const cancel = async (client: Client, location: URL): Promise<void> => {
  const what = 'the end of a failed upload';
  try {
    await discard(await client.send({ method: 'DELETE', to: location, action: 'push', what, accept: [202, 204, 404] }));
  } catch {
    // The registry drops unfinished uploads by itself; the failure that led here is the one to report.
  }
};
