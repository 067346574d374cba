export { openLayout } from './layout/layout.ts';
export {
  childrenOf,
  contentOf,
  isIndexType,
  isManifestLike,
  isManifestType,
  jsonContent,
  parseIndex,
  parseManifest,
  referrerOf,
} from './manifest.ts';
export { createMemoryStore } from './memory.ts';
export {
  type Content,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA_TYPES,
  type Platform,
  type Source,
  type Store,
  type Target,
} from './types.ts';
export { assertMatches, collect, LAYER_CAP, MANIFEST_CAP, type ReadOptions, readAll, verified } from './verify.ts';
