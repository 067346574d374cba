import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Digest, isDigest } from '../../core/index.ts';
import { Refusal } from './refusal.ts';

/** One request and its answer. */
export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export type Headers = Readonly<Record<string, string | number>>;

/** Answers with a whole body, or none; a HEAD gets its length alone. */
export const answer = (
  { method, response }: Exchange,
  status: number,
  headers: Headers,
  body = Buffer.alloc(0),
): void => {
  response.writeHead(status, { ...headers, 'content-length': body.byteLength });
  response.end(method === 'HEAD' ? undefined : body);
};

/** Answers with JSON. */
export const answerJson = (exchange: Exchange, value: unknown, headers: Headers = {}): void => {
  const body = Buffer.from(JSON.stringify(value));
  answer(exchange, 200, { 'content-type': 'application/json', ...headers }, body);
};

/** Answers with a stream of known length; a failure in its middle cuts the connection, as nothing else can say so. */
export const answerStream = async (
  { method, response }: Exchange,
  status: number,
  headers: Headers & { readonly 'content-length': number },
  open: () => Promise<Readable>,
): Promise<void> => {
  if (method === 'HEAD') {
    response.writeHead(status, headers).end();
    return;
  }
  const body = await open();
  response.writeHead(status, headers);
  await pipeline(body, response);
};

/** Reads a request's whole body; throws `SIZE_INVALID` past the cap (bytes). */
export const readBody = async ({ request }: Exchange, cap: number): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    if (size > cap) throw new Refusal('SIZE_INVALID', `the body has more than ${cap} bytes`, { status: 413 });
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

/** Bytes that the request says its body has; undefined where it says nothing. */
export const lengthOf = ({ request }: Exchange): number | undefined => {
  const text = request.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
};

/** A text of the request as a digest; throws `DIGEST_INVALID`. */
export const digestIn = (text: string | null): Digest => {
  if (text !== null && isDigest(text)) return text;
  throw new Refusal('DIGEST_INVALID', `"${(text ?? '').slice(0, 160)}" is no digest`);
};

/** The number of entries that a list is asked for; undefined where it is not limited. Throws `SIZE_INVALID`. */
export const limitIn = ({ url }: Exchange): number | undefined => {
  const text = url.searchParams.get('n');
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Refusal('SIZE_INVALID', `n is "${text.slice(0, 32)}", which is no number`);
  return Number(text);
};
