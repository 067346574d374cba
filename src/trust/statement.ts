import { z } from 'zod';
import { type Digest, hexOf } from '../core/index.ts';

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** The payload type of a DSSE envelope that holds a statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** The predicate type by which cosign v3 says "I sign this", and nothing more. */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

const STATEMENT = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).min(1),
  predicateType: z.string(),
});

export type Statement = z.output<typeof STATEMENT>;

/** The statement that cosign v3 signs: the digest alone, no name, since a signature speaks of content and not of a place. */
export const signStatement = (digest: Digest): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: STATEMENT_TYPE,
      subject: [{ digest: { [algorithmOf(digest)]: hexOf(digest) } }],
      predicateType: SIGN_PREDICATE,
      predicate: {},
    }),
  );

/** A DSSE payload as a statement; undefined for what is none. */
export const parseStatement = (payload: Uint8Array): Statement | undefined => {
  try {
    return STATEMENT.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
  } catch {
    return undefined;
  }
};

/** Whether a statement speaks of a digest. */
export const isAbout = ({ subject }: Statement, digest: Digest): boolean =>
  subject.some((one) => one.digest[algorithmOf(digest)] === hexOf(digest));

/**
 * What a DSSE signature is made over: the pre-authentication encoding, with lengths in bytes.
 * https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
 */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `),
    payload,
  ]);

const algorithmOf = (digest: Digest): string => digest.slice(0, digest.indexOf(':'));
