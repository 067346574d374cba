import type { PersistentVolumeClaim, Pod, Secret } from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { canonicalJson, digestOf, isWaybillError, type Json, WaybillError } from '../../core/index.ts';
import { isAlreadyExists, type KubeClient, type Stored } from '../../kube/index.ts';
import type { PodHandle, PodRequest, RunRef } from '../types.ts';
import { KEYS, owned } from './labels.ts';
import type { NamespaceLimits } from './limits.ts';

type Kind = 'pods' | 'secrets' | 'persistentvolumeclaims';
type Made = { metadata?: ObjectMeta };

/**
 * Creates a pod and what it needs, in the order in which they need each other, or adopts what is there. The pod is fitted to
 * its namespace; what counts for adoption is the one that was asked for.
 */
export const startPod = async (
  client: KubeClient,
  run: RunRef,
  { group, attempt, pod, secrets, claims, atOnce }: PodRequest,
  limits: NamespaceLimits,
  signal: AbortSignal | undefined,
): Promise<PodHandle> => {
  await Promise.all([
    ...secrets.map((secret) => createOrAdopt(client, 'secrets', run, secret, secret, signal)),
    ...claims.map((claim) => createOrAdopt(client, 'persistentvolumeclaims', run, claim, claim, signal)),
  ]);
  const labels = { ...pod.metadata?.labels, [KEYS.group]: String(group), [KEYS.attempt]: String(attempt) };
  const labelled: Pod = { ...pod, metadata: { ...pod.metadata, labels } };
  const { metadata } = await limits.send(labelled, atOnce, (fitted) =>
    createOrAdopt(client, 'pods', run, fitted, pod.spec, signal),
  );
  return { name: metadata.name, uid: metadata.uid, group, attempt };
};

/** `content` is what must be equal where the object is there already: the server fills in the rest of it. */
const createOrAdopt = async <K extends Kind>(
  client: KubeClient,
  kind: K,
  run: RunRef,
  object: Pod | Secret | PersistentVolumeClaim,
  content: unknown,
  signal: AbortSignal | undefined,
): Promise<Stored<Made>> => {
  const marks = {
    [KEYS.planDigest]: run.planDigest,
    [KEYS.specHash]: digestOf(canonicalJson(content as Json)),
    [KEYS.epoch]: String(run.epoch),
  };
  const scope = { namespace: run.namespace, signal };
  const whole = { ...object, metadata: owned(run, object.metadata, marks) };
  for (;;) {
    try {
      return (await client.create(kind, whole as never, scope)) as Stored<Made>;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const name = object.metadata?.name ?? '';
    const present = await client.get(kind, name, scope).catch((error: unknown) => {
      // Deleted in between: it can be created after all.
      if (isWaybillError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (present === undefined) continue;
    const difference = differenceOf(present.metadata, run, marks);
    if (difference === undefined) return present as Stored<Made>;
    throw new WaybillError(
      'ObjectExists',
      `${kind}/${name} exists and is not what this run would create: ${difference}`,
      {
        subject: `${kind}/${name}`,
        hint: 'delete it, or give the run another name',
      },
    );
  }
};

/** Why an object is not ours; undefined if it is. An earlier driver may have made it, a later one may not. */
const differenceOf = (
  { ownerReferences = [], annotations = {} }: ObjectMeta,
  run: RunRef,
  marks: Readonly<Record<string, string>>,
): string | undefined => {
  if (!ownerReferences.some(({ uid }) => uid === run.owner.uid)) return 'another owner';
  if (annotations[KEYS.planDigest] !== marks[KEYS.planDigest]) return 'another plan';
  if (annotations[KEYS.specHash] !== marks[KEYS.specHash]) return 'another spec';
  return Number(annotations[KEYS.epoch]) > run.epoch ? 'a later driver made it' : undefined;
};
