import { createHash, type Hash } from 'node:crypto';
import { WaybillError } from './errors.ts';

/** `sha256:` or `sha512:` and lower-case hex. https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests */
export type Digest = `sha256:${string}` | `sha512:${string}`;

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest in an algorithm that Waybill verifies. */
export const isDigest = (text: string): text is Digest => PATTERN.test(text);

/** A text as a digest; throws `BadDigest`. */
export const parseDigest = (text: string): Digest => {
  if (isDigest(text)) return text;
  throw new WaybillError('BadDigest', `"${text.slice(0, 160)}" is no digest`, {
    hint: 'a digest is sha256: and 64 lower-case hex digits',
  });
};

/** The sha256 digest of bytes; a string counts as UTF-8. */
export const digestOf = (bytes: Uint8Array | string): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A hash of the algorithm that a digest names, for content that streams. */
export const hasherFor = (digest: Digest): Hash => createHash(digest.slice(0, digest.indexOf(':')));

/** The hex part of a digest. */
export const hexOf = (digest: Digest): string => digest.slice(digest.indexOf(':') + 1);
