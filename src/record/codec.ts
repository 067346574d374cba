import { gunzipSync, gzipSync } from 'node:zlib';
import { canonicalJson, type Digest, type Json, messageOf, WaybillError } from '../core/index.ts';
import { indexPlan } from '../engine/index.ts';
import { planDigestOf, type RunRecord } from './record.ts';
import { RECORD } from './schema.ts';

/** Bytes of one part: base64 and metadata then stay below the 1 MiB that Kubernetes gives a Secret's data. */
export const PART_LIMIT = 900 * 1024;
/** Parts of a record at most. */
const MAX_PARTS = 16;
/** Bytes of a record's JSON at most. */
const MAX_JSON = 128 * 1024 * 1024;

/** A record as gzipped canonical JSON, in parts of at most {@link PART_LIMIT} bytes. Throws `TooLarge`. */
export const encodeRecord = (record: RunRecord): readonly Uint8Array[] => {
  const json = Buffer.from(canonicalJson(record as unknown as Json));
  const bytes = gzipSync(json, { level: 6 });
  const count = Math.max(1, Math.ceil(bytes.length / PART_LIMIT));
  if (json.length > MAX_JSON || count > MAX_PARTS) {
    throw new WaybillError('TooLarge', `the record of run ${record.name} has ${bytes.length} bytes`, {
      subject: record.name,
      hint: 'write large results into a workspace or a registry, and pass their names',
    });
  }
  return Array.from({ length: count }, (_, part) => bytes.subarray(part * PART_LIMIT, (part + 1) * PART_LIMIT));
};

/** The record in its parts, in order. Throws `BadRecord` for anything but a whole record of version 1. */
export const decodeRecord = (parts: readonly Uint8Array[]): RunRecord => {
  if (parts.length > MAX_PARTS || parts.some((part) => part.length > PART_LIMIT))
    throw bad('it is larger than a record');
  const read = RECORD.safeParse(parse(Buffer.concat(parts)));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw bad(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`);
  }
  // The schema has looked at the state as a whole and at the plan's frame; the digest vouches for the rest of the plan.
  const record = read.data as unknown as RunRecord;
  if (planDigestOf(record.plan) !== record.planDigest) throw bad('its plan is not the one it was made with');
  const { plan, state } = record;
  indexPlan(plan);
  const fits =
    state.nodes.length === plan.nodes.length &&
    state.groups.length === plan.groups.length &&
    state.nodes.every(({ steps }, id) => steps.length === plan.nodes[id]?.steps.length);
  if (!fits) throw bad('its state does not fit its plan');
  return record;
};

/** What a store of records needs to know of them. */
export const recordCodec = {
  encode: encodeRecord,
  decode: decodeRecord,
  planDigest: ({ planDigest }: RunRecord): Digest => planDigest,
  /** Tells of a run without its content, for lists. */
  summary: ({ kind, plan, state, createdAt }: RunRecord): Readonly<Record<string, string>> => ({
    'waybill.dev/kind': kind,
    'waybill.dev/source': plan.source.name,
    'waybill.dev/status': state.condition?.status ?? 'Unknown',
    'waybill.dev/reason': state.condition?.reason ?? (state.startedAt === null ? 'Started' : 'Running'),
    'waybill.dev/created': iso(createdAt),
    ...(state.startedAt === null ? {} : { 'waybill.dev/started': iso(state.startedAt) }),
    ...(state.finishedAt === null ? {} : { 'waybill.dev/finished': iso(state.finishedAt) }),
  }),
} as const;

const iso = (time: number): string => new Date(time).toISOString();

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(gunzipSync(bytes, { maxOutputLength: MAX_JSON }).toString('utf8'));
  } catch (error) {
    throw bad(messageOf(error), error);
  }
};

const bad = (why: string, cause?: unknown): WaybillError =>
  new WaybillError('BadRecord', `the run's record cannot be read: ${why}`, { cause });
