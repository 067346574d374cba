export { type Call, checkCall } from './call.ts';
export { typeOfParam, typeOfValue, withDefaults } from './defaults.ts';
export type { Fields } from './edit.ts';
export type { Found, Strictness } from './finding.ts';
export { interfaceOf, type ObjectInterface } from './interface.ts';
export { isKind, isVersionOf, type Kind, versionsOf } from './kinds.ts';
export { type Loaded, type LoadedObject, type LoadOptions, loadObjects, type OtherObject } from './load.ts';
export { didYouMean, nearest } from './nearest.ts';
export { type LoadedPodTemplate, loadPodTemplate } from './pod-template.ts';
export { type PlacedReference, type ReferenceTarget, referencesIn, targetOf } from './references.ts';
export { isAgentPath, isOwnVolumeName, pathOfMount } from './reserved.ts';
export { findUnsupported } from './support.ts';
export { checkTogether, checkUses, type Find } from './together.ts';
export type * from './types.ts';
export { validate } from './validate.ts';
export {
  type Access,
  type ContextSubject,
  type Expression,
  expressionsIn,
  parseVariables,
  renderVariables,
  soleExpression,
  type Variable,
} from './variables.ts';
