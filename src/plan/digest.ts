import { canonicalJson, type Digest, digestOf, type Json } from '../core/index.ts';
import type { Plan } from './types.ts';

/** The digest of a plan's canonical JSON: what the run's record and its pods carry to say which plan they belong to. */
export const planDigest = (plan: Plan): Digest => digestOf(canonicalJson(plan as unknown as Json));
