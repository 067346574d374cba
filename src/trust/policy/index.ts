export {
  type CheckedSignature,
  decide,
  type Policy,
  type PolicyRule,
  type Problem,
  type Question,
  type Reason,
  type ReasonCode,
  type Verdict,
} from './decide.ts';
export { matches } from './pattern.ts';
export { readPolicy } from './read.ts';
export { type PolicyFile, type PolicyKey, policyJsonSchema } from './schema.ts';
