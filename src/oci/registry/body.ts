import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { WaybillError } from '../../core/index.ts';

/** A response's body as a Node stream. A fetch that is not WHATWG's to the letter may give one already. */
export const bodyStream = ({ body }: Response): Readable => {
  if (body === null) return Readable.from([]);
  const given: unknown = body;
  return given instanceof Readable ? given : Readable.fromWeb(body as ReadableStream);
};

/** A response's whole body; throws `TooLarge` past the cap (bytes). */
export const bodyBytes = async (response: Response, cap: number): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyStream(response) as AsyncIterable<Uint8Array>) {
    size += piece.byteLength;
    if (size > cap) throw new WaybillError('TooLarge', `${response.url || 'a response'} has more than ${cap} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

/** Gives a connection back to be used again, by reading what is left of a small body, or else closes it. Never rejects. */
export const discard = async (response: Response): Promise<void> => {
  await bodyBytes(response, 64 * 1024).catch(() => {});
};
