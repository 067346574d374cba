export { createResolveContext } from './context.ts';
export { placeOf, placeOfBundle } from './place.ts';
export { resolverOf } from './table.ts';
export type { LocalObject, Pinned, Place, ResolveContext, Resolved, ResolveOptions, Resolver } from './types.ts';
