export { type Backoff, backoff } from './backoff.ts';
export { CODES, type Code, type Kind } from './codes.ts';
export { type Diagnostic, formatPath, hasErrors, type Path, type Position, type Range } from './diagnostic.ts';
export { type Digest, digestOf, hasherFor, hexOf, isDigest, parseDigest } from './digest.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { type ErrorOptions, invalidInput, isWaybillError, messageOf, WaybillError } from './errors.ts';
export { FINDINGS } from './findings.ts';
export { canonicalJson, type Json } from './json.ts';
export { limit } from './limit.ts';
