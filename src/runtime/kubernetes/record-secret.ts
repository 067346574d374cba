import type { Secret } from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { z } from 'zod';
import { digestOf, hexOf, isDigest, WaybillError } from '../../core/index.ts';
import { MANAGER } from '../../pod/index.ts';
import type { CancelMode } from '../record.ts';
import { KEYS } from './labels.ts';

/** The type of the Secrets that hold records. */
export const RECORD_TYPE = 'waybill.dev/run.v1';
/** The type of the Secrets that hold what does not fit into a record's own. */
export const PART_TYPE = 'waybill.dev/run-part.v1';

const LEASE_KEYS = {
  holder: 'waybill.dev/holder',
  epoch: 'waybill.dev/epoch',
  renewed: 'waybill.dev/renewed',
  cancel: 'waybill.dev/cancel',
} as const;

/** Who drives a run. `renewed` is in milliseconds by the API server's clock. */
export interface Lease {
  /** Empty when nobody does. */
  readonly holder: string;
  /** Counts the drivers so far. */
  readonly epoch: number;
  readonly renewed: number;
}

const CANCEL_MODES: readonly string[] = [
  'Cancelled',
  'CancelledRunFinally',
  'StoppedRunFinally',
] satisfies CancelMode[];

/** Name of the Secret that holds a run's record. */
export const secretName = (run: string): string => `waybill-run-${run}`;

/** A lease as annotations. */
export const leaseAnnotations = ({ holder, epoch, renewed }: Lease): Record<string, string> => ({
  [LEASE_KEYS.holder]: holder,
  [LEASE_KEYS.epoch]: String(epoch),
  [LEASE_KEYS.renewed]: new Date(renewed).toISOString(),
});

/** The lease in a record's metadata; an unreadable one counts as free. */
export const leaseOf = ({ annotations = {} }: ObjectMeta): Lease => {
  const epoch = Number(annotations[LEASE_KEYS.epoch] ?? 0);
  const renewed = Date.parse(annotations[LEASE_KEYS.renewed] ?? '');
  return {
    holder: annotations[LEASE_KEYS.holder] ?? '',
    epoch: Number.isSafeInteger(epoch) ? epoch : 0,
    renewed: Number.isNaN(renewed) ? 0 : renewed,
  };
};

/** A wish to cancel as an annotation. */
export const cancelAnnotation = (mode: CancelMode): Record<string, string> => ({ [LEASE_KEYS.cancel]: mode });

/** The wish to cancel in a record's metadata. */
export const cancelOf = ({ annotations = {} }: ObjectMeta): CancelMode | null => {
  const mode = annotations[LEASE_KEYS.cancel] ?? '';
  return CANCEL_MODES.includes(mode) ? (mode as CancelMode) : null;
};

const PARTS = z.array(z.object({ name: z.string(), digest: z.string().refine(isDigest) })).max(64);
export type Parts = z.output<typeof PARTS>;

/** An encoded record as the data of its Secret, and the further Secrets that it names. */
export const secretsOf = (
  run: string,
  [first = new Uint8Array(), ...more]: readonly Uint8Array[],
): { readonly data: Record<string, string>; readonly parts: readonly Secret[] } => {
  const parts = more.map((bytes): Secret => {
    const name = `${secretName(run)}-${hexOf(digestOf(bytes)).slice(0, 16)}`;
    return { metadata: { name }, type: PART_TYPE, immutable: true, data: { part: base64(bytes) } };
  });
  const list = more.map((bytes, index) => ({ name: parts[index]?.metadata?.name ?? '', digest: digestOf(bytes) }));
  return { data: { record: base64(first), parts: base64(Buffer.from(JSON.stringify(list))) }, parts };
};

/**
 * Whether a record's content is still to come: one with parts is created without it, for the parts need its uid to be owned,
 * and a record never names a part that is not there.
 */
export const isEmpty = ({ data = {} }: Secret): boolean => Object.keys(data).length === 0;

/** What a record's Secret holds itself, and the parts that it names; throws `BadRecord`. */
export const readSecret = (run: string, secret: Secret): { readonly first: Uint8Array; readonly parts: Parts } => {
  if (secret.type === RECORD_TYPE && isEmpty(secret)) {
    throw new WaybillError('BadRecord', `the record of run ${run} was never written: its creation was cut off`, {
      subject: run,
      hint: `nothing of it has been started; delete it with: waybill delete ${run}`,
    });
  }
  const first = secret.data?.record;
  const parts = PARTS.safeParse(parseJson(Buffer.from(secret.data?.parts ?? '', 'base64').toString('utf8')));
  if (secret.type !== RECORD_TYPE || first === undefined || !parts.success) throw badRecord(run);
  return { first: Buffer.from(first, 'base64'), parts: parts.data };
};

/** The bytes of a part, checked against its digest; throws `BadRecord`. */
export const readPart = (run: string, secret: Secret, digest: string): Uint8Array => {
  const bytes = Buffer.from(secret.data?.part ?? '', 'base64');
  if (digestOf(bytes) !== digest) throw badRecord(run);
  return bytes;
};

/** Labels of a record and its parts. */
export const recordLabels = (name: string, uid: string): Record<string, string> => ({
  [KEYS.managedBy]: MANAGER,
  [KEYS.run]: name,
  [KEYS.runUid]: uid,
});

/** A Secret of the right name that holds anything else. */
export const badRecord = (run: string): WaybillError =>
  new WaybillError('BadRecord', `the Secret ${secretName(run)} holds no record that Waybill can read`, {
    subject: run,
  });

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
