export { createResolveContext } from './context.ts';
export { entriesOf, resolveEntry } from './entries.ts';
export { loadLocal } from './local.ts';
export type { Runnable, RunnableKind } from './objects.ts';
export { placeOf, placeOfBundle } from './place.ts';
export { resolveTasks, resolveTektonReference, type Scope } from './references.ts';
export { type ResolvedRun, resolveReference, resolveRun } from './run.ts';
export { resolverOf } from './table.ts';
export type { LocalObject, Pinned, Place, ResolveContext, Resolved, ResolveOptions, Resolver } from './types.ts';
