import type { Readable } from 'node:stream';

/** Content that is read in pieces, from any offset. */
export interface Pieces {
  /** The bytes from an offset on, `length` of them; fewer where the content ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): void;
}

/**
 * Pieces of bytes, or of a stream that can be opened again: going on where the last piece ended, or inside it, costs
 * nothing; going further back reads from the start.
 */
export const createPieces = (content: Uint8Array | (() => Promise<Readable>)): Pieces => {
  if (content instanceof Uint8Array) {
    return { read: async (offset, length) => content.subarray(offset, offset + length), close: () => {} };
  }
  let stream: Readable | undefined;
  let iterator: AsyncIterator<Buffer> | undefined;
  /** What was read and may be wanted again, and where it begins. */
  let held: Buffer = Buffer.alloc(0);
  let at = 0;

  const close = (): void => {
    stream?.destroy();
    stream = undefined;
    iterator = undefined;
    held = Buffer.alloc(0);
    at = 0;
  };

  return {
    close,
    read: async (offset, length) => {
      if (offset < at) close();
      if (iterator === undefined) {
        stream = await content();
        iterator = stream[Symbol.asyncIterator]();
      }
      const pieces: Buffer[] = [held];
      let end = at + held.byteLength;
      while (end < offset + length) {
        const next = await iterator.next();
        if (next.done) break;
        pieces.push(next.value);
        end += next.value.byteLength;
        // What lies before the offset is not wanted again.
        while (pieces.length > 1 && at + (pieces[0] as Buffer).byteLength <= offset) {
          at += (pieces.shift() as Buffer).byteLength;
        }
      }
      const all = Buffer.concat(pieces).subarray(Math.max(0, offset - at));
      at = Math.max(at, offset);
      held = all;
      return all.subarray(0, length);
    },
  };
};
