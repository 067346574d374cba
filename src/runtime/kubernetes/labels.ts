import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { ANNOTATION, LABEL, MANAGER } from '../../pod/index.ts';
import type { PodHandle, RunRef } from '../types.ts';

/** Labels and annotations of a run's objects. */
export const KEYS = { ...LABEL, ...ANNOTATION } as const;

/** Selects all objects of a run. */
export const runSelector = ({ uid }: Pick<RunRef, 'uid'>): string => `${KEYS.runUid}=${uid}`;

/** Metadata of an object of a run: what it has, its labels, and the record as its owner. */
export const owned = (
  run: RunRef,
  metadata: ObjectMeta | undefined,
  annotations: Record<string, string>,
): ObjectMeta => ({
  ...metadata,
  namespace: run.namespace,
  labels: { ...metadata?.labels, [KEYS.managedBy]: MANAGER, [KEYS.run]: run.name, [KEYS.runUid]: run.uid },
  annotations: { ...metadata?.annotations, ...annotations },
  ownerReferences: [ownedBy(run.owner)],
});

/**
 * The record as owner, without `blockOwnerDeletion`: clusters that guard it (OwnerReferencesPermissionEnforcement, always on
 * in OpenShift) want the right to update `secrets/finalizers` for that, and nobody here needs what it gives.
 */
export const ownedBy = ({ name, uid }: RunRef['owner']) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  name,
  uid,
  controller: true,
});

/** Which attempt of which group a pod of the run is; undefined for a pod that is not the run's, whatever its labels say. */
export const handleOf = (
  run: RunRef,
  { name = '', uid = '', labels = {}, ownerReferences = [] }: ObjectMeta,
): PodHandle | undefined => {
  const group = Number(labels[KEYS.group] ?? Number.NaN);
  const attempt = Number(labels[KEYS.attempt] ?? Number.NaN);
  if (!ownerReferences.some((owner) => owner.uid === run.owner.uid)) return undefined;
  return Number.isSafeInteger(group) && Number.isSafeInteger(attempt) ? { name, uid, group, attempt } : undefined;
};
