import {
  createMemoryStore,
  type Descriptor,
  parseReference,
  pushBlob,
  pushManifest,
  type Store,
} from '../../../src/oci/index.ts';
import { type Place, placeOf } from '../../../src/resolve/index.ts';

/** A store with one manifest a name, tagged with it; `count` counts what is asked of it. */
export const storeOf = async (...names: string[]) => {
  const store = createMemoryStore();
  const made: Record<string, Descriptor> = {};
  for (const name of names) {
    const layer = await pushBlob(store, Buffer.from(name), 'text/plain');
    made[name] = await pushManifest(store, { artifactType: 'test/bundle', layers: [layer] });
    await store.tag(made[name], name);
  }
  const count = { resolve: 0, fetch: 0 };
  const counted: Store = {
    ...store,
    resolve: (ref, signal) => {
      count.resolve += 1;
      return store.resolve(ref, signal);
    },
    fetch: (descriptor, signal) => {
      count.fetch += 1;
      return store.fetch(descriptor, signal);
    },
  };
  return { store: counted, made, count };
};

/** The place that a text names. */
export const place = (text = 'reg.example/ci/go:v1'): Place => {
  const reference = parseReference(text);
  if (reference.kind !== 'registry') throw new Error(`${text} is no registry`);
  return placeOf(text, reference);
};
