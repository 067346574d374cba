export type { EventReader } from './events.ts';
export { EVENT_PROTOCOL, eventReader } from './events.ts';
export type { Range } from './missing.ts';
export type * from './program.ts';
