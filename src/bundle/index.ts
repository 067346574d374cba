export { ANNOTATIONS, LARGE_LAYER, MAX_LAYER, MAX_OBJECTS } from './contract.ts';
export { type Bundle, type Packed, type PackObject, type PackOptions, packBundle } from './pack.ts';
export {
  type BundleEntry,
  type BundleListing,
  listBundle,
  type ReadObject,
  readEntry,
  readObject,
} from './read.ts';
