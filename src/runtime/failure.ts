import { isWaybillError } from '../core/index.ts';
import { apiErrorOf } from '../kube/index.ts';

/** What to do about a failure to start or stop a pod: try again, with a word to the user, or give up. */
export type Failure =
  | { readonly kind: 'again'; readonly code: string; readonly message: string }
  | { readonly kind: 'final'; readonly message: string };

/** Sorts a failure; undefined for one that ends the driver: its lease is lost, or it is a bug. */
export const failureOf = (error: unknown): Failure | undefined => {
  if (!isWaybillError(error) || error.code === 'DriverLost' || error.code === 'Internal') return undefined;
  const { code, message } = error;
  if (code === 'Unreachable' || code === 'Unauthorized') return { kind: 'again', code, message };
  const answer = apiErrorOf(error);
  if (answer === undefined) return { kind: 'final', message };
  if (answer.status >= 500 || answer.status === 429) return { kind: 'again', code: answer.reason || code, message };
  // Room may come while the run's time-out lets it wait, as in Tekton.
  if (answer.status === 403 && /exceeded quota/.test(answer.message)) {
    return { kind: 'again', code: 'ExceededResourceQuota', message };
  }
  return { kind: 'final', message };
};
