export {
  completeItems,
  completeText,
  completeValue,
  conditionHolds,
  isMissing,
  isSettled,
  Missing,
  type Reference,
  settledText,
} from './complete.ts';
export { type Graph, graphOf, type Order, sortTopologically, successorsOf } from './dag.ts';
export { childName, claimNameFor, RUN_NAME_LIMIT, runNameFor } from './names.ts';
export { joinText, literalText, literalValue, settleItems, settleText, settleValue, settleWhen } from './settle.ts';
export type * from './text.ts';
export type * from './types.ts';
