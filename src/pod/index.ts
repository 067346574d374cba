export { AGENT, ANNOTATION, HEARTBEAT, LABEL, MANAGER, PROGRAM_LIMIT, RESULT_LIMITS, SUPERVISOR } from './constants.ts';
export { EVENT_PROTOCOL, type EventReader, eventReader } from './events.ts';
export type { Range } from './missing.ts';
export { containersOf, podNameOf, type StepContainer } from './names.ts';
export type { Interpretation, PodEvent, PodNotice } from './observed.ts';
export type * from './program.ts';
export { type Attempt, programOf } from './program-of.ts';
export { type PodParts, podOf } from './spec.ts';
export { type InterpretOptions, interpretPod } from './status.ts';
