import { createHash } from 'node:crypto';

/** Longest DNS label, in bytes. */
const LONGEST = 63;
/** What is left of it beside a hex MD5. */
const HEAD = LONGEST - 32;

/**
 * The name of a child object as Tekton makes it (Knative's `kmeta.ChildName`): parent and suffix as they are while they
 * fit 63 bytes, else shortened with an MD5 that keeps them apart. Names are ASCII, as Kubernetes demands.
 */
export const childName = (parent: string, suffix: string): string => {
  if (parent.length + suffix.length <= LONGEST) return parent + suffix;
  if (suffix.length < HEAD) return parent.slice(0, HEAD - suffix.length) + md5(parent) + suffix;
  const name = parent.slice(0, HEAD) + md5(parent + suffix);
  return (name + suffix.slice(0, LONGEST - name.length)).replace(/[^a-zA-Z0-9]+$/, '');
};

/** Longest name of a run: what Waybill derives from it (record, pods, claims) then fits a DNS label too. */
export const RUN_NAME_LIMIT = 50;

/** Whether a run can have this name: a DNS label of at most {@link RUN_NAME_LIMIT} characters. */
export const isRunName = (name: string): boolean =>
  name.length <= RUN_NAME_LIMIT && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name);

/**
 * A name for a run of an object: `<object name>-<suffix>`, cut to {@link RUN_NAME_LIMIT}. The suffix is random, from
 * outside, in lower-case letters and digits.
 */
export const runNameFor = (objectName: string, suffix: string): string => {
  const stem = objectName
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, RUN_NAME_LIMIT - suffix.length - 1)
    .replace(/^-+|-+$/g, '');
  return stem === '' ? `run-${suffix}` : `${stem}-${suffix}`;
};

/** Name of the claim that a `volumeClaimTemplate` becomes: as Tekton names it, so that it is found again. */
export const claimNameFor = (template: string | undefined, workspace: string, runUid: string): string =>
  `${template ?? 'pvc'}-${createHash('sha256')
    .update(workspace + runUid)
    .digest('hex')
    .slice(0, 10)}`;

// MD5 keeps names apart; nothing rests on its strength.
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/**
 * UID of a task of a PipelineRun in the output and in `$(context.taskRun.uid)`: there is no TaskRun object in the
 * cluster to take it from, so it follows from the run's UID and the TaskRun's name. An RFC 9562 UUID of version 8.
 */
export const taskRunUid = (runUid: string, runName: string): string => {
  const hex = createHash('sha256').update(`${runUid}/${runName}`).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
};
