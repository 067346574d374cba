import { isWaybillError } from '../core/index.ts';
import { apiErrorOf, isConflict } from '../kube/index.ts';

/** What to do about a failure to start or stop a pod: try again, with a word to the user, or give up. */
export type Failure =
  | {
      readonly kind: 'again';
      readonly code: string;
      readonly message: string;
      /** Tries in a row after which it counts as final; without it, as many as the run has time for. */
      readonly tries?: number;
    }
  | { readonly kind: 'final'; readonly message: string };

/** About twenty seconds: an API server that has just started refuses what it will grant, a plugin may lack its network. */
const PASSING = 8;

/** Sorts a failure; undefined for one that ends the driver: its lease is lost, or it is a bug. */
export const failureOf = (error: unknown): Failure | undefined => {
  if (!isWaybillError(error) || error.code === 'DriverLost' || error.code === 'Internal') return undefined;
  const { code, message } = error;
  if (code === 'Unreachable') return { kind: 'again', code, message };
  if (code === 'Unauthorized' || code === 'KubeConfig') return { kind: 'again', code, message, tries: PASSING };
  const answer = apiErrorOf(error);
  if (answer === undefined) return { kind: 'final', message };
  // A webhook may choose any status for its no; one that says "later" says 429.
  const denied = answer.status !== 429 && /^admission webhook "[^"]*" denied the request/.test(answer.message);
  if (denied) return { kind: 'final', message };
  if (answer.status >= 500 || answer.status === 429) return { kind: 'again', code: answer.reason || code, message };
  // Two pods at once, counted against one quota: neither is at fault.
  if (isConflict(error)) return { kind: 'again', code: answer.reason || code, message };
  if (answer.status !== 403) return { kind: 'final', message };
  // Room may come while the run's time-out lets it wait, as in Tekton.
  if (answer.message.includes('exceeded quota')) return { kind: 'again', code: 'ExceededResourceQuota', message };
  // A right that is missing, or a service account that is not there yet; admission's refusals are for good.
  if (/ cannot \w+ resource |error looking up service account/.test(answer.message)) {
    return { kind: 'again', code, message, tries: PASSING };
  }
  return { kind: 'final', message };
};
