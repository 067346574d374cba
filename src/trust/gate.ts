import { canonicalJson, digestOf, WaybillError } from '../core/index.ts';
import type { Descriptor, Source } from '../oci/index.ts';
import { collectEvidence } from './evidence.ts';
import type { PublicKey } from './keys/index.ts';
import { decide, matches, type Policy, type Verdict } from './policy/index.ts';
import { checkSignatures } from './verify.ts';

/** A policy, and the keys that it names: all that a verdict needs beside the evidence. */
export interface Trust {
  readonly policy: Policy;
  readonly keys: readonly PublicKey[];
}

/** The policy "any of these keys signed it, wherever it stands", as `verify --key` means it. */
export const trustKeys = (keys: readonly PublicKey[], source: string): Trust => {
  const ids = keys.map(({ id }) => id);
  const rules = [{ pattern: '**', keys: ids, threshold: 1 }];
  return {
    keys,
    policy: { source, digest: digestOf(canonicalJson({ default: 'refuse', rules })), default: 'refuse', rules },
  };
};

/**
 * The verdict on what a descriptor names: the signatures beside it are collected, checked, and put before the policy.
 * `name` is HOST/REPO or `oci:DIR` as written. Where no rule matches the name, nothing is fetched. A verdict that does
 * not allow is an answer and not a failure: see {@link assertAllowed}.
 */
export const judge = async (
  source: Source,
  { digest, ...descriptor }: Descriptor,
  name: string,
  { policy, keys }: Trust,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Verdict> => {
  const concerned = policy.rules.some(({ pattern }) => matches(pattern, name));
  const evidence = concerned ? await collectEvidence(source, { digest, ...descriptor }, { signal }) : [];
  return decide({ digest, name, signatures: checkSignatures(digest, evidence, keys) }, policy);
};

/** Throws `NotVerified`, with all reasons, where a verdict does not allow its digest to run. */
export const assertAllowed = (verdict: Verdict): void => {
  if (verdict.allowed) return;
  const reasons = verdict.reasons.map(({ message }) => message).join('; ');
  throw new WaybillError('NotVerified', `${verdict.name}@${verdict.digest} is refused: ${reasons}`, {
    subject: `${verdict.name}@${verdict.digest}`,
    hint: `the policy is ${verdict.policy.source} (${verdict.policy.digest})`,
  });
};
