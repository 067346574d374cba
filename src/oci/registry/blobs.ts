import { Readable } from 'node:stream';
import { type Digest, WaybillError } from '../../core/index.ts';
import { isAbort } from '../../http/index.ts';
import type { Descriptor } from '../types.ts';
import { bodyStream, discard } from './body.ts';
import { type Client, unreachable } from './client.ts';

/**
 * A blob as a stream. A connection lost in the middle is taken up where it ended, as long as each one brings something
 * or the retry policy allows; the reader checks the whole. An answer that speaks of another length is refused unread.
 */
export const fetchBlob = async (client: Client, descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> => {
  const { digest } = descriptor;
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
  await assertLength(first, descriptor, client.host);
  return Readable.from(pieces(client, descriptor, first, open, signal), { objectMode: false });
};

async function* pieces(
  client: Client,
  descriptor: Descriptor,
  first: Response,
  open: (from: number) => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let response = first;
  let passed = 0;
  let started = client.now();
  for (let failures = 0; ; ) {
    let skip = passed - (await startOf(response, passed, descriptor, client.host));
    const before = passed;
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
      if (passed > before) {
        failures = 0;
        started = client.now();
      }
      failures += 1;
      if (!(await client.again(failures, started, signal))) throw unreachable(client.host, error);
    }
    response = await open(passed);
  }
}

/** The offset at which a response's body starts: a registry may answer a range with the whole. */
const startOf = async (response: Response, wanted: number, descriptor: Descriptor, host: string): Promise<number> => {
  if (response.status === 200) {
    await assertLength(response, descriptor, host);
    return 0;
  }
  const { start, end, total } =
    /^bytes (?<start>\d{1,15})-(?<end>\d{1,15})\/(?<total>\d{1,15}|\*)$/.exec(
      response.headers.get('content-range') ?? '',
    )?.groups ?? {};
  const fits =
    Number(start) === wanted && Number(end) < descriptor.size && (total === '*' || Number(total) === descriptor.size);
  if (fits) return wanted;
  await discard(response);
  throw new WaybillError('RegistryError', `${host} answered with another range than it was asked for`);
};

/** A length that is not the descriptor's needs no look at the bytes. An encoded body says nothing about its content. */
const assertLength = async (response: Response, { digest, size }: Descriptor, host: string): Promise<void> => {
  const length = response.headers.get('content-length');
  const encoded = response.headers.get('content-encoding') ?? 'identity';
  if (length === null || encoded !== 'identity' || Number(length) === size) return;
  await discard(response);
  throw new WaybillError(
    'SizeMismatch',
    `${digest} should have ${size} bytes, ${host} would send ${length.slice(0, 20)}`,
  );
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
