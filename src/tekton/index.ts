export type * from './types.ts';
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
export { type Loaded, type LoadedObject, loadObjects, type LoadOptions, type OtherObject } from './load.ts';
