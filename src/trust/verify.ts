import { isBundleWithDsseEnvelope, isBundleWithPublicKey } from '@sigstore/bundle';
import type { Digest } from '../core/index.ts';
import type { Evidence } from './evidence.ts';
import type { PublicKey } from './keys/index.ts';
import type { CheckedSignature, Problem } from './policy/index.ts';
import { isAbout, PAYLOAD_TYPE, parseStatement, preAuthEncoding, SIGN_PREDICATE } from './statement.ts';

/**
 * Checks signatures offline and without any clock: which of `keys` made each of them, over exactly this digest, as a
 * signature in cosign's sense. The hint in a bundle is ignored, since its writer chose it.
 *
 * This is our own check and not `@sigstore/verify`'s: that one takes SHA-256 for every DSSE envelope, so P-384 and
 * P-521 fail; it compares neither subject nor predicate type; and it wants the keys of a transparency log as soon as an
 * entry is there, which a signature by a known key does not need.
 */
export const checkSignatures = (
  digest: Digest,
  evidence: readonly Evidence[],
  keys: readonly PublicKey[],
): readonly CheckedSignature[] =>
  evidence.map((one) => {
    const outcome = check(digest, one, keys);
    return 'signer' in outcome
      ? { evidence: one.digest, signer: outcome.signer }
      : { evidence: one.digest, problem: outcome.problem };
  });

const check = (
  digest: Digest,
  { bundle }: Evidence,
  keys: readonly PublicKey[],
): { readonly signer: Digest } | { readonly problem: Problem } => {
  if (!isBundleWithPublicKey(bundle)) return { problem: 'certificate' };
  if (!isBundleWithDsseEnvelope(bundle)) return { problem: 'other-content' };
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
  if (payloadType !== PAYLOAD_TYPE) return { problem: 'other-content' };
  const signed = preAuthEncoding(payloadType, payload);
  // One signature an envelope: the bundle format says so, and its parser holds it.
  const key = keys.find((candidate) => signatures.some(({ sig }) => candidate.verifies(signed, sig)));
  if (key === undefined) return { problem: 'unknown-key' };
  const statement = parseStatement(payload);
  if (statement === undefined) return { problem: 'other-content' };
  if (statement.predicateType !== SIGN_PREDICATE) return { problem: 'other-type' };
  return isAbout(statement, digest) ? { signer: key.id } : { problem: 'other-digest' };
};
