import { Readable } from 'node:stream';
import type { Descriptor, Source } from './types.ts';

/**
 * What happens to a node of a graph on its way: it is looked at, bytes of it pass, it is there. `bytes` is how many have
 * passed so far; it falls where an upload begins again. `exists`: the target had it, and nothing was sent; `mounted`:
 * its registry took it from another repository.
 */
export type CopyEvent =
  | { readonly kind: 'started'; readonly descriptor: Descriptor }
  | { readonly kind: 'passed'; readonly descriptor: Descriptor; readonly bytes: number }
  | { readonly kind: 'done'; readonly descriptor: Descriptor; readonly state: 'copied' | 'exists' | 'mounted' };

/** A stream that tells of each piece that passes. */
export const counted = (stream: Readable, descriptor: Descriptor, onEvent: (event: CopyEvent) => void): Readable =>
  Readable.from(tell(stream, descriptor, onEvent), { objectMode: false });

/** A source that tells of what is fetched from it. */
export const watched = <T extends Source>(source: T, onEvent: (event: CopyEvent) => void): T => ({
  ...source,
  fetch: async (descriptor, signal) => {
    onEvent({ kind: 'started', descriptor });
    const stream = counted(await source.fetch(descriptor, signal), descriptor, onEvent);
    return stream.once('end', () => onEvent({ kind: 'done', descriptor, state: 'copied' }));
  },
});

async function* tell(
  stream: Readable,
  descriptor: Descriptor,
  onEvent: (event: CopyEvent) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    onEvent({ kind: 'passed', descriptor, bytes });
    yield piece;
  }
}
