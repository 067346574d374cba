import type { Verified } from 'waybill/plan';

/** A verdict in a few words: `verified by sha256:…`, `not verified: no policy`. */
export const verdictText = (verdict: Verified | undefined): string => {
  if (verdict === undefined) return 'not verified: it is part of its parent';
  return verdict.verified
    ? `verified by ${verdict.signers.join(', ')}`
    : `not verified: ${verdict.reason ?? 'no reason given'}`;
};
