/** An object without the keys whose value is undefined. Every key must be named, so that none is forgotten. */
export const compact = <T extends object>(all: { readonly [K in keyof T]-?: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as T;
