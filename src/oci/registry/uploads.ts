import { Readable } from 'node:stream';
import { isWaybillError, type WaybillError } from '../../core/index.ts';
import type { Body, Descriptor } from '../types.ts';
import { assertMatches, checkedBytes, verified } from '../verify.ts';
import { hasBlob } from './blobs.ts';
import { discard } from './body.ts';
import type { Client, Request } from './client.ts';
import { createPieces } from './pieces.ts';
import type { Session, Sessions } from './sessions.ts';

/** Streams up to this size (bytes) are read first, so that a failed upload can be repeated. */
const REPEATABLE = 4 * 1024 * 1024;
/** Pieces (bytes) that a blob is sent in once it is too large as a whole, and the smallest that is tried. */
const PIECE = 8 * 1024 * 1024;
const SMALLEST = 64 * 1024;

/** Answers after which the upload may go on: the registry, or something on the way to it, failed for a moment. */
const PASSING: readonly number[] = [408, 416, 500, 502, 503, 504, 522];
const OCTETS = { 'content-type': 'application/octet-stream' };

/** What one request did to an upload. */
type Step =
  | { readonly kind: 'stored' }
  | { readonly kind: 'taken'; readonly session: Session; readonly offset: number }
  | { readonly kind: 'too-large'; readonly error: WaybillError }
  | { readonly kind: 'lost'; readonly error: WaybillError };

/** Uploads one blob, into a session that was begun already if there is one. */
export type Upload = (
  descriptor: Descriptor,
  body: Body,
  options?: { readonly begun?: Session | undefined; readonly signal?: AbortSignal | undefined },
) => Promise<void>;

/**
 * Uploads to one repository: as a whole, or in pieces where the registry, or a proxy before it, takes no more at once
 * (`most` bytes, which falls with each 413). What a lost connection or a passing failure interrupts goes on where the
 * registry says that it is, or from the start; a stream that can be read once has one attempt. What is left of a failed
 * upload is cancelled. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
 */
export const createUpload = (client: Client, sessions: Sessions, limit = Number.POSITIVE_INFINITY): Upload => {
  let most = limit;
  return async (descriptor, given, { begun, signal } = {}) => {
    const { digest, size } = descriptor;
    const what = `the upload of blob ${digest} to ${client.host}/${client.repository}`;
    const body = given instanceof Readable && size <= REPEATABLE ? await checkedBytes(given, descriptor) : given;
    if (body instanceof Uint8Array) assertMatches(body, descriptor);
    const repeatable = !(body instanceof Readable);
    // What is wrong with the content says more than the upload that it broke.
    let broken: unknown;
    const open = async (): Promise<Readable> => {
      try {
        const opened = typeof body === 'function' ? await body() : (body as Readable);
        return verified(opened, descriptor).once('error', (error) => {
          if (isWaybillError(error)) broken = error;
        });
      } catch (error) {
        broken = error;
        throw error;
      }
    };
    const source = createPieces(body instanceof Uint8Array ? body : open);

    const send = async (
      request: Pick<Request, 'method' | 'to' | 'headers' | 'body' | 'accept'>,
      done: (response: Response) => Step,
    ): Promise<Step> => {
      const accept = [...request.accept, 413, ...PASSING];
      const response = await client.send({ ...request, accept, action: 'push', what, repeatable: false, signal });
      if (!response.ok) {
        const error = await client.refusal(response, what);
        return { kind: response.status === 413 ? 'too-large' : 'lost', error };
      }
      await discard(response);
      return done(response);
    };

    const finish = async ({ location }: Session, last: Body | undefined): Promise<Step> => {
      const to = new URL(location);
      to.searchParams.set('digest', digest);
      const headers = { ...OCTETS, 'content-length': last === undefined ? '0' : String(size) };
      const content = last === undefined ? {} : { body: last };
      return send({ method: 'PUT', to, headers, accept: [201, 204], ...content }, () => ({ kind: 'stored' }));
    };

    const append = async (session: Session, offset: number): Promise<Step> => {
      const piece = await source.read(offset, Math.min(size - offset, Math.max(session.least, Math.min(most, PIECE))));
      const next = offset + piece.byteLength;
      const headers = {
        ...OCTETS,
        'content-range': `${offset}-${next - 1}`,
        'content-length': String(piece.byteLength),
      };
      return send({ method: 'PATCH', to: session.location, headers, body: piece, accept: [202, 204] }, (response) => ({
        kind: 'taken',
        session: sessions.moved(response, session),
        offset: next,
      }));
    };

    const advance = async (session: Session, offset: number): Promise<Step> => {
      try {
        if (offset > 0 || (repeatable && size > most)) {
          return await (offset < size ? append(session, offset) : finish(session, undefined));
        }
        return await finish(session, body instanceof Uint8Array ? body : repeatable ? open : await open());
      } catch (error) {
        if (broken !== undefined || signal?.aborted || !isWaybillError(error, 'Unreachable')) throw error;
        return { kind: 'lost', error };
      }
    };

    let session = begun;
    let offset = 0;
    let started = client.now();
    try {
      for (let failures = 0; ; ) {
        session ??= await sessions.begin(what, signal);
        const step = await advance(session, offset);
        if (step.kind === 'stored') return;
        if (step.kind === 'taken') {
          ({ session, offset } = step);
          failures = 0;
          started = client.now();
          continue;
        }
        if (broken !== undefined || !repeatable) throw step.error;
        if (step.kind === 'too-large') {
          const smaller = Math.floor(Math.min(PIECE, Math.min(most, size - offset) / 2));
          if (smaller < Math.max(SMALLEST, session.least)) throw step.error;
          most = smaller;
        } else {
          failures += 1;
          if (!(await client.again(failures, started, signal))) throw step.error;
        }
        const known = await sessions.progress(session, what, signal);
        if (known !== undefined) ({ session, offset } = known);
        else {
          // It may be the answer that was lost, and not the blob.
          if (await hasBlob(client, digest, signal)) return;
          await sessions.cancel(session);
          session = undefined;
          offset = 0;
        }
      }
    } catch (error) {
      if (session !== undefined) await sessions.cancel(session);
      throw broken ?? error;
    } finally {
      source.close();
    }
  };
};
