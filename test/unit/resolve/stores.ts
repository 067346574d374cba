import { type PackObject, packBundle } from '../../../src/bundle/index.ts';
import {
  createMemoryStore,
  type Descriptor,
  parseReference,
  pushBlob,
  pushImage,
  pushManifest,
  type Store,
} from '../../../src/oci/index.ts';
import { type Place, placeOf, type ResolveOptions } from '../../../src/resolve/index.ts';

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

/** Stores by name (`reg.example/ci/go`), made when first asked for, and what a context opens them with. */
export const registry = () => {
  const stores = new Map<string, Store>();
  const at = (name: string): Store => {
    const store = stores.get(name) ?? createMemoryStore();
    stores.set(name, store);
    return store;
  };
  const open: ResolveOptions['open'] = (reference) => at(placeOf('', reference).name);
  /** Packs and pushes objects under a tag; returns the bundle's descriptor. */
  const push = async (name: string, tag: string, ...objects: PackObject[]): Promise<Descriptor> => {
    const { bundle, diagnostics } = packBundle(objects);
    if (bundle === undefined) throw new Error(JSON.stringify(diagnostics));
    return pushImage(at(name), bundle, { tag });
  };
  return { at, open, push };
};

export const task = (name: string, image = 'img') => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name },
  spec: { steps: [{ name: 'main', image, script: 'true' }] },
});

export const pipeline = (name: string, ...taskRefs: object[]) => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: { name },
  spec: { tasks: taskRefs.map((taskRef, index) => ({ name: `t${index}`, taskRef })) },
});

/** A taskRef by Tekton's bundles resolver. */
export const inBundle = (bundle: string, name: string, more: Readonly<Record<string, string>> = {}) => ({
  resolver: 'bundles',
  params: Object.entries({ bundle, name, ...more }).map(([key, value]) => ({ name: key, value })),
});
