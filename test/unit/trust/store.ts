import {
  contentOf,
  createMemoryStore,
  type Descriptor,
  jsonContent,
  MEDIA_TYPES,
  type Store,
} from '../../../src/oci/index.ts';

/** A memory store with one small manifest, to be signed; `name` decides its digest. */
export const storeWithManifest = async (name = 'a'): Promise<{ store: Store; subject: Descriptor }> => {
  const store = createMemoryStore();
  const layer = contentOf(Buffer.from(name), MEDIA_TYPES.layer);
  const config = contentOf(Buffer.from('{}'), MEDIA_TYPES.empty);
  const manifest = jsonContent(
    { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: config.descriptor, layers: [layer.descriptor] },
    MEDIA_TYPES.manifest,
  );
  for (const { descriptor, bytes } of [layer, config, manifest]) await store.push(descriptor, bytes);
  return { store, subject: manifest.descriptor };
};
