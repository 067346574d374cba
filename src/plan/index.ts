export type * from './text.ts';
export type * from './types.ts';
