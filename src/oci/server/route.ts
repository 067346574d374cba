/** What a path of the distribution protocol names. Names, references and digests are as written: not checked yet. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly name: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: string };

/** In this order: an upload would be a blob of the name `uploads`. A name reaches as far as it can. */
const PATTERNS: readonly (readonly [RegExp, (name: string, rest: string) => Route])[] = [
  [/^(?<name>.+)\/blobs\/uploads\/?$/, (name) => ({ kind: 'uploads', name })],
  [/^(?<name>.+)\/blobs\/uploads\/(?<rest>[^/]+)$/, (name, id) => ({ kind: 'upload', name, id })],
  [/^(?<name>.+)\/blobs\/(?<rest>[^/]+)$/, (name, digest) => ({ kind: 'blob', name, digest })],
  [/^(?<name>.+)\/manifests\/(?<rest>[^/]+)$/, (name, reference) => ({ kind: 'manifest', name, reference })],
  [/^(?<name>.+)\/referrers\/(?<rest>[^/]+)$/, (name, digest) => ({ kind: 'referrers', name, digest })],
  [/^(?<name>.+)\/tags\/list$/, (name) => ({ kind: 'tags', name })],
];

/**
 * The route of a request's path; undefined for a path that the protocol does not have.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
 */
export const routeOf = (path: string): Route | undefined => {
  if (path === '/v2' || path === '/v2/') return { kind: 'base' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  if (!path.startsWith('/v2/')) return undefined;
  for (const [pattern, make] of PATTERNS) {
    const { name, rest = '' } = pattern.exec(path.slice('/v2/'.length))?.groups ?? {};
    if (name !== undefined) return make(name, rest);
  }
  return undefined;
};
