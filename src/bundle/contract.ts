import { LAYER_CAP } from '../oci/verify.ts';

/** The annotations that every layer of a bundle carries. https://tekton.dev/docs/pipelines/tekton-bundle-contracts/ */
export const ANNOTATIONS = {
  name: 'dev.tekton.image.name',
  kind: 'dev.tekton.image.kind',
  apiVersion: 'dev.tekton.image.apiVersion',
} as const;

/** Most objects that Tekton reads from one bundle. */
export const MAX_OBJECTS = 20;

/** Largest layer, in bytes: what is larger fits into no cluster. */
export const MAX_LAYER = LAYER_CAP;

/** From this size (bytes) on a layer is worth a warning: a cluster adds its own fields to an object. */
export const LARGE_LAYER = 1024 * 1024;
