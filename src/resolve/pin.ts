import { type Diagnostic, isWaybillError, WaybillError } from '../core/index.ts';
import type { Descriptor, Source } from '../oci/index.ts';
import type { Verified } from '../plan/index.ts';
import { assertAllowed, judge, type Trust } from '../trust/index.ts';
import type { Pinned, Place, ResolveOptions } from './types.ts';

/** What a place without tag and digest means. */
const DEFAULT_TAG = 'latest';

/**
 * Resolves a place to a digest and puts the bundle before the policy. With a tag and a digest the digest decides; a tag
 * that points elsewhere, or nowhere, is a warning, and under `frozen` a refusal.
 */
export const pin = async (
  place: Place,
  { open, trust, frozen = false, requireVerified = false, signal }: ResolveOptions,
  warn: (warning: Diagnostic) => void,
): Promise<Pinned> => {
  const { tag, digest } = place.reference;
  const source = open(place.reference);
  const descriptor = await source.resolve(digest ?? tag ?? DEFAULT_TAG, signal);
  if (digest !== undefined && descriptor.digest !== digest) {
    throw new WaybillError('DigestMismatch', `${place.text} resolves to ${descriptor.digest}`);
  }
  await checkTag(place, source, frozen, signal, warn);
  const verdict = await verdictOf(place, source, descriptor, trust, signal);
  if (requireVerified && !verdict.verified) throw notVerified(`${place.name}@${descriptor.digest}`, verdict);
  return { place, source, descriptor, verdict };
};

/** `NotVerified` for something that is not forbidden, where only what is verified may run. */
export const notVerified = (subject: string, { reason }: Verified): WaybillError =>
  new WaybillError('NotVerified', `${subject} is not verified: ${reason ?? 'no reason given'}`, {
    subject,
    hint: 'only verified objects may run (--require-verified); give a policy that verifies it',
  });

const checkTag = async (
  { text, name, reference: { tag, digest } }: Place,
  source: Source,
  frozen: boolean,
  signal: AbortSignal | undefined,
  warn: (warning: Diagnostic) => void,
): Promise<void> => {
  if (tag === undefined || digest === undefined) return;
  const now = await tagged(source, tag, signal);
  if (now?.digest === digest) return;
  const message = `the tag ${tag} of ${name} ${now === undefined ? 'is gone' : `points to ${now.digest}`}, not to ${digest}`;
  if (frozen) {
    throw new WaybillError('TagMoved', message, {
      subject: text,
      hint: 'update the reference, or run without --frozen',
    });
  }
  warn({ code: 'tag-moved', severity: 'warning', message, hint: 'the digest decides; update the reference' });
};

const tagged = async (
  source: Source,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> => {
  try {
    return await source.resolve(tag, signal);
  } catch (error) {
    if (isWaybillError(error, 'NotFound')) return undefined;
    throw error;
  }
};

const verdictOf = async (
  { name }: Place,
  source: Source,
  descriptor: Descriptor,
  trust: Trust | undefined,
  signal: AbortSignal | undefined,
): Promise<Verified> => {
  if (trust === undefined) return { verified: false, signers: [], reason: 'no policy' };
  const verdict = await judge(source, descriptor, name, trust, { signal });
  assertAllowed(verdict);
  const { verified, signers, reasons, policy } = verdict;
  return { verified, signers, policy, ...(verified ? {} : { reason: reasons[0]?.message ?? 'no reason given' }) };
};
