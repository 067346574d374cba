export { compile } from './compile.ts';
export { kubernetesText } from './compile-text.ts';
export {
  completeItems,
  completeText,
  completeValue,
  conditionHolds,
  isMissing,
  isSettled,
  Missing,
  type Reference,
  roomForTexts,
  settledText,
} from './complete.ts';
export { type Graph, graphOf, type Order, sortTopologically, successorsOf } from './dag.ts';
export {
  describePlan,
  type PlanDescription,
  type PodDescription,
  showText,
  type TaskDescription,
} from './describe.ts';
export { planDigest } from './digest.ts';
export type { Compiled, CompileInput, ResolvedObject, RunInput } from './input.ts';
export { childName, claimNameFor, isRunName, RUN_NAME_LIMIT, runNameFor, taskRunUid } from './names.ts';
export { joinText, literalText, literalValue, settleItems, settleText, settleValue, settleWhen } from './settle.ts';
export type * from './text.ts';
export { DEFAULT_TIMEOUT, type RunTimeouts } from './timeouts.ts';
export type * from './types.ts';
export { workspaceVolumeName } from './workspaces.ts';
