export { collectEvidence, type Evidence } from './evidence.ts';
export { assertAllowed, judge, type Trust, trustKeys } from './gate.ts';
export {
  type Algorithm,
  generateKey,
  keyHint,
  type PrivateKey,
  type PublicKey,
  readPrivateKey,
  readPublicKey,
  writePrivateKey,
} from './keys/index.ts';
export { loadPolicy, policyFrom } from './load.ts';
export {
  type CheckedSignature,
  decide,
  type Policy,
  type PolicyFile,
  type PolicyKey,
  type PolicyRule,
  type Problem,
  policyJsonSchema,
  type Question,
  type Reason,
  type ReasonCode,
  readPolicy,
  type Verdict,
} from './policy/index.ts';
export { SIGSTORE_BUNDLE, type SignOptions, signBundle } from './sign.ts';
export { keySigner, type Signature, type Signer } from './signer.ts';
export { SIGN_PREDICATE } from './statement.ts';
export { checkSignatures } from './verify.ts';
