import type { Digest } from '../../core/index.ts';
import { matches } from './pattern.ts';

/** A policy whose keys are known by id: all that a verdict depends on. */
export interface Policy {
  /** Where it came from: a path, a reference, or the option that gave a key. */
  readonly source: string;
  readonly digest: Digest;
  readonly default: 'refuse' | 'allow';
  readonly rules: readonly PolicyRule[];
}

export interface PolicyRule {
  readonly pattern: string;
  /** Ids of the keys whose signatures count. */
  readonly keys: readonly Digest[];
  readonly threshold: number;
}

/** Why a signature found beside a bundle does not count, whatever the policy says. */
export type Problem =
  /** Made by none of the keys that the policy names. */
  | 'unknown-key'
  /** Made by a known key over another digest. */
  | 'other-digest'
  /** Made by a known key, and says something else than a signature does: an attestation. */
  | 'other-type'
  /** Made with a certificate: keyless signatures are not supported yet. */
  | 'certificate'
  /** No in-toto statement in a DSSE envelope. */
  | 'other-content';

/** One signature, already checked: made by the key `signer` over the digest in question, or of no use. */
export type CheckedSignature =
  | { readonly evidence: Digest; readonly signer: Digest }
  | { readonly evidence: Digest; readonly problem: Problem };

export interface Question {
  readonly digest: Digest;
  /** `HOST/REPO` or `oci:DIR` as the reference writes it, before mirrors. */
  readonly name: string;
  readonly signatures: readonly CheckedSignature[];
}

export interface Reason {
  readonly code: ReasonCode;
  readonly message: string;
}

export type ReasonCode = 'enough-signers' | 'too-few-signers' | 'no-signature' | 'no-rule' | Problem;

/** What a policy says of one digest under one name, and why. */
export interface Verdict {
  readonly digest: Digest;
  readonly name: string;
  /** The rule's keys signed the digest. */
  readonly verified: boolean;
  /** The policy lets it run: verified, or matched by no rule where the policy's default is `allow`. */
  readonly allowed: boolean;
  /** Ids of the rule's keys that signed, sorted. */
  readonly signers: readonly Digest[];
  /** The deciding one first. */
  readonly reasons: readonly Reason[];
  readonly rule?: { readonly index: number; readonly pattern: string };
  readonly policy: { readonly source: string; readonly digest: Digest };
}

/**
 * The verdict on a digest: a pure function of its arguments. The first rule whose pattern matches the name decides; it
 * wants signatures of `threshold` different keys of its own.
 */
export const decide = ({ digest, name, signatures }: Question, policy: Policy): Verdict => {
  const base = { digest, name, policy: { source: policy.source, digest: policy.digest } };
  const index = policy.rules.findIndex(({ pattern }) => matches(pattern, name));
  const rule = policy.rules[index];
  if (rule === undefined) {
    const reasons: Reason[] = [{ code: 'no-rule', message: `no rule of the policy matches ${name}` }];
    return { ...base, verified: false, allowed: policy.default === 'allow', signers: [], reasons };
  }
  const signers = [...new Set(rule.keys)].filter((key) => signatures.some((one) => signerOf(one) === key)).sort();
  const verified = signers.length >= rule.threshold;
  return {
    ...base,
    verified,
    allowed: verified,
    signers,
    reasons: verified
      ? [enough(signers, rule)]
      : [...missing(signers, rule, signatures), ...problems(rule, signatures)],
    rule: { index, pattern: rule.pattern },
  };
};

const signerOf = (signature: CheckedSignature): Digest | undefined =>
  'signer' in signature ? signature.signer : undefined;

const enough = (signers: readonly Digest[], rule: PolicyRule): Reason => ({
  code: 'enough-signers',
  message: `${signers.length} of ${rule.keys.length} keys signed it; the rule "${rule.pattern}" wants ${rule.threshold}`,
});

const missing = (
  signers: readonly Digest[],
  rule: PolicyRule,
  signatures: readonly CheckedSignature[],
): readonly Reason[] => {
  if (signatures.length === 0) return [{ code: 'no-signature', message: 'it is not signed' }];
  const message = `${signers.length} of the keys of rule "${rule.pattern}" signed it; it wants ${rule.threshold}`;
  return [{ code: 'too-few-signers', message }];
};

/** What was found and did not count: one reason a kind, in the order in which it was found. */
const problems = (rule: PolicyRule, signatures: readonly CheckedSignature[]): readonly Reason[] => {
  const kinds = signatures.flatMap((signature): Problem[] => {
    if ('problem' in signature) return [signature.problem];
    // A key of another rule is as good as a stranger here.
    return rule.keys.includes(signature.signer) ? [] : ['unknown-key'];
  });
  return [...new Set(kinds)].map((code) => ({
    code,
    message: `${kinds.filter((kind) => kind === code).length} × ${SAYS[code]}`,
  }));
};

const SAYS: Readonly<Record<Problem, string>> = {
  'unknown-key': 'a signature by none of the keys of the rule',
  'other-digest': 'a signature over another digest',
  'other-type': 'an attestation, which is no signature',
  certificate: 'a signature with a certificate, which is not supported yet',
  'other-content': 'a Sigstore bundle without an in-toto statement',
};
