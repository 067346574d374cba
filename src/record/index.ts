export { decodeRecord, encodeRecord, PART_LIMIT, recordCodec } from './codec.ts';
export { newRecord, planDigestOf, type RunRecord } from './record.ts';
export { recordJsonSchema } from './schema.ts';
