import { canonicalJson, type Digest, digestOf, type Json } from '../core/index.ts';
import { initialState, type RunState, type Time } from '../engine/index.ts';
import type { Plan } from '../plan/index.ts';

/**
 * All that a driver needs to go on with a run, and `waybill runs` to show it. Who drives it, and wishes to cancel it,
 * stand beside it in the annotations of its Secret, where they can be written without the rest; the pods that count are in
 * the state's groups.
 */
export interface RunRecord {
  readonly version: 1;
  /** Made with the plan; the label `waybill.dev/run-uid` of all objects of the run. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly kind: Plan['kind'];
  readonly createdAt: Time;
  /** Whoever goes on with the run starts its pods with the same agent. */
  readonly agentImage: string;
  readonly plan: Plan;
  readonly planDigest: Digest;
  readonly state: RunState;
}

/** The digest that names a plan: of its canonical JSON. */
export const planDigestOf = (plan: Plan): Digest => digestOf(canonicalJson(plan as unknown as Json));

/** The record of a run that has not begun. */
export const newRecord = (
  plan: Plan,
  { uid, createdAt, agentImage }: { readonly uid: string; readonly createdAt: Time; readonly agentImage: string },
): RunRecord => ({
  version: 1,
  uid,
  name: plan.name,
  namespace: plan.namespace,
  kind: plan.kind,
  createdAt,
  agentImage,
  plan,
  planDigest: planDigestOf(plan),
  state: initialState(plan),
});
