import { isWaybillError, WaybillError } from 'waybill';
import { lacking } from 'waybill/kube';
import { type Right, rightsOf } from 'waybill/runtime';
import type { Connection } from './cluster.ts';
import type { Context } from './command.ts';

const CLAIMS = 'persistentvolumeclaims';

/**
 * Throws `Forbidden` where our user lacks a right that a new run cannot do without, so that nothing is made that would be
 * left behind. `makesClaims` is asked for when the plan is there: the question has been put to the cluster by then.
 */
export const askRights = (
  { signal }: Context,
  { client, namespace }: Connection,
): ((makesClaims: boolean) => Promise<void>) => {
  const asked = lacking(client, rightsOf('runner', 'needed'), { namespace, signal }).catch((error: unknown) => {
    // A cluster that does not tell rights tells them by refusing.
    if (isWaybillError(error, 'Forbidden') || isWaybillError(error, 'NotFound')) return [] as readonly Right[];
    throw error;
  });
  // Whoever asked may never come back for the answer.
  asked.catch(() => undefined);
  return async (makesClaims) => {
    const missing = (await asked).filter(({ resource }) => makesClaims || resource !== CLAIMS);
    if (missing.length === 0) return;
    const what = missing.map(({ verb, resource }) => `${verb} ${resource}`).join(', ');
    const claims = missing.every(({ resource }) => resource === CLAIMS);
    throw new WaybillError('Forbidden', `a run needs rights that are missing in namespace ${namespace}: ${what}`, {
      subject: namespace,
      hint: claims
        ? `bind its workspaces to claims that exist (-w NAME=pvc=CLAIM), or see: waybill auth check -n ${namespace}`
        : `see all that are missing with: waybill auth check -n ${namespace}`,
    });
  };
};
