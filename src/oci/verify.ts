import { pipeline, Readable, Transform } from 'node:stream';
import { hasherFor, WaybillError } from '../core/index.ts';
import type { Body, Descriptor, Source } from './types.ts';

/** Largest manifest or index that is read, in bytes; registries refuse larger ones. */
export const MANIFEST_CAP = 4 * 1024 * 1024;

/** Largest layer of a bundle that is read or written, in bytes: an object that size is more than etcd takes. */
export const LAYER_CAP = 1.5 * 1024 * 1024;

export interface ReadOptions {
  /** Bytes; a larger descriptor is refused before anything is fetched. */
  readonly cap: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The whole content that a descriptor names. Throws `TooLarge` above the cap, `SizeMismatch` if there is more or less
 * than the descriptor says, and `DigestMismatch`.
 */
export const readAll = async (
  source: Source,
  descriptor: Descriptor,
  { cap, signal }: ReadOptions,
): Promise<Buffer> => {
  if (descriptor.size > cap) {
    throw new WaybillError('TooLarge', `${descriptor.digest} has ${descriptor.size} bytes, more than ${cap}`);
  }
  return collect(await source.fetch(descriptor, signal), descriptor);
};

/** All bytes of a stream, checked against a descriptor as {@link readAll} does, without a cap of its own. */
export const collect = async (stream: Readable, descriptor: Descriptor): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of verified(stream, descriptor)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

/**
 * A stream that ends only if what passed has the descriptor's size and digest; else it fails with `SizeMismatch` or
 * `DigestMismatch`. The last piece is held back until all is verified, so that no reader ever has the whole of content
 * that is not what it should be.
 */
export const verified = (stream: Readable, descriptor: Descriptor): Readable => {
  const hash = hasherFor(descriptor.digest);
  let size = 0;
  let held: Buffer | undefined;
  const check = new Transform({
    transform(piece: Buffer, _encoding, done) {
      size += piece.byteLength;
      if (size > descriptor.size) return done(sizeMismatch(descriptor, `more than ${descriptor.size}`));
      hash.update(piece);
      const ready = held;
      held = piece;
      done(null, ready);
    },
    flush(done) {
      if (size !== descriptor.size) return done(sizeMismatch(descriptor, `${size} of ${descriptor.size}`));
      done(mismatch(descriptor, hash.digest('hex')) ?? null, held);
    },
  });
  // Errors of either side reach the reader through the transform, which pipeline destroys.
  pipeline(stream, check, () => {});
  return check;
};

/** Throws `SizeMismatch` or `DigestMismatch` if bytes are not what a descriptor says. */
export const assertMatches = (bytes: Uint8Array, descriptor: Descriptor): void => {
  if (bytes.byteLength !== descriptor.size) throw sizeMismatch(descriptor, `${bytes.byteLength} of ${descriptor.size}`);
  const wrong = mismatch(descriptor, hasherFor(descriptor.digest).update(bytes).digest('hex'));
  if (wrong !== undefined) throw wrong;
};

/** The stream of a body; undefined where it is bytes. */
const streamOf = async (body: Body): Promise<Readable | undefined> => {
  if (body instanceof Uint8Array) return undefined;
  return body instanceof Readable ? body : body();
};

/** Ends a body that is not wanted; one that was not opened yet never is. */
export const dismiss = (body: Body): void => {
  if (body instanceof Readable) body.destroy();
};

/** A body to push as a checked stream, or checked bytes. */
export const checkedBody = async (body: Body, descriptor: Descriptor): Promise<Readable | Uint8Array> => {
  const stream = await streamOf(body);
  if (stream !== undefined) return verified(stream, descriptor);
  assertMatches(body as Uint8Array, descriptor);
  return body as Uint8Array;
};

/** A body to push as checked bytes, whichever way it was given. */
export const checkedBytes = async (body: Body, descriptor: Descriptor): Promise<Uint8Array> => {
  const checked = await checkedBody(body, descriptor);
  if (checked instanceof Uint8Array) return checked;
  const pieces: Buffer[] = [];
  for await (const piece of checked) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

const sizeMismatch = (descriptor: Descriptor, found: string): WaybillError =>
  new WaybillError('SizeMismatch', `${descriptor.digest} should have ${descriptor.size} bytes, found ${found}`);

const mismatch = ({ digest }: Descriptor, found: string): WaybillError | undefined =>
  digest.endsWith(`:${found}`)
    ? undefined
    : new WaybillError('DigestMismatch', `content named ${digest} has another digest`, {
        hint: 'it was changed or damaged on the way; do not use it',
      });
