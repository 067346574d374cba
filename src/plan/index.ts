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
export { joinText, literalText, literalValue, settleItems, settleText, settleValue, settleWhen } from './settle.ts';
export type * from './text.ts';
export type * from './types.ts';
