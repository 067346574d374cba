export { advance, rebuild, type Step } from './advance.ts';
export { initialState } from './initial.ts';
export { isOver, knownOf } from './known.ts';
export { type OutputContext, pipelineRunOf, taskRunOf } from './output.ts';
export { indexPlan, type PlanIndex } from './plan-index.ts';
export { ALL_STEPS_DONE, RUN, SKIP, TASK } from './reasons.ts';
export { pendingActions } from './resume.ts';
export { delayAfter, MAX_PODS } from './start.ts';
export type * from './types.ts';
