import { WaybillError } from '../core/index.ts';
import { isIndexType, isManifestType, parseIndex, parseManifest } from '../oci/manifest.ts';
import type { Descriptor, Manifest, Source } from '../oci/types.ts';
import { MANIFEST_CAP, readAll } from '../oci/verify.ts';
import { ANNOTATIONS, MAX_LAYER, MAX_OBJECTS } from './contract.ts';
import { decodeLayer } from './decode.ts';

/** One object of a bundle, as its layer's annotations name it. */
export interface BundleEntry {
  /** Lower case: `task`. */
  readonly kind: string;
  readonly name: string;
  /** `tekton.dev/v1`; bundles that `tkn` wrote have `v1`. */
  readonly apiVersion: string;
  readonly layer: Descriptor;
}

export interface BundleListing {
  /** The manifest that was read: where an index was asked for, its linux/amd64 child. */
  readonly manifest: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  readonly entries: readonly BundleEntry[];
}

/**
 * What is in a bundle, without fetching a layer. Checks what Tekton's resolver checks, on every layer, and throws
 * `BadBundle` where that would refuse.
 */
export const listBundle = async (
  source: Source,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<BundleListing> => {
  const manifest = await imageManifest(source, descriptor, signal);
  const bytes = await readAll(source, manifest, { cap: MANIFEST_CAP, signal });
  const { layers, annotations = {} } = parseManifest(bytes, manifest.digest);
  return { manifest, annotations, entries: entriesOf(layers, manifest) };
};

/** An object's bytes (JSON or YAML), and where they come from. */
export interface ReadObject {
  readonly bytes: Uint8Array;
  readonly entry: BundleEntry;
  readonly manifest: Descriptor;
}

/** One object of a bundle; the kind is matched without regard to case, the name exactly. Throws `NotFound`. */
export const readObject = async (
  source: Source,
  descriptor: Descriptor,
  { kind, name }: { readonly kind: string; readonly name: string },
  signal?: AbortSignal,
): Promise<ReadObject> => {
  const { manifest, entries } = await listBundle(source, descriptor, signal);
  const entry = entries.find((each) => each.kind === kind.toLowerCase() && each.name === name);
  if (entry === undefined) {
    throw new WaybillError('NotFound', `${manifest.digest} has no ${kind.toLowerCase()} "${name}"`, {
      hint: `it has ${entries.map((each) => `${each.kind}/${each.name}`).join(', ') || 'no objects'}`,
    });
  }
  return { bytes: await readEntry(source, entry, signal), entry, manifest };
};

/** The bytes of one listed object. */
export const readEntry = async (source: Source, { layer, kind, name }: BundleEntry, signal?: AbortSignal) =>
  decodeLayer(await readAll(source, layer, { cap: MAX_LAYER, signal }), `the layer of ${kind} "${name}"`);

const imageManifest = async (source: Source, found: Descriptor, signal?: AbortSignal): Promise<Descriptor> => {
  if (isManifestType(found.mediaType)) return found;
  if (!isIndexType(found.mediaType)) {
    throw new WaybillError('BadBundle', `${found.digest} is no bundle but ${found.mediaType}`);
  }
  const { manifests } = parseIndex(await readAll(source, found, { cap: MANIFEST_CAP, signal }), found.digest);
  const child = manifests.find(
    ({ platform, mediaType }) =>
      isManifestType(mediaType) &&
      (platform === undefined || (platform.os === 'linux' && platform.architecture === 'amd64')),
  );
  if (child === undefined) {
    throw new WaybillError('BadBundle', `index ${found.digest} has no manifest for linux/amd64, which Tekton reads`);
  }
  return child;
};

const entriesOf = (layers: Manifest['layers'], { digest }: Descriptor): readonly BundleEntry[] => {
  if (layers.length > MAX_OBJECTS) {
    throw new WaybillError('BadBundle', `${digest} has ${layers.length} layers, more than ${MAX_OBJECTS} objects`);
  }
  return layers.map((layer, index) => {
    const annotation = (key: keyof typeof ANNOTATIONS): string => {
      const value = layer.annotations?.[ANNOTATIONS[key]];
      if (value !== undefined) return value;
      throw new WaybillError('BadBundle', `layer ${index} of ${digest} has no annotation ${ANNOTATIONS[key]}`);
    };
    const [apiVersion, name, kind] = [annotation('apiVersion'), annotation('name'), annotation('kind')];
    if (kind !== kind.toLowerCase() || kind.endsWith('s')) {
      throw new WaybillError('BadBundle', `layer ${index} of ${digest} has the kind "${kind.slice(0, 100)}"`, {
        hint: 'a kind in a bundle is in lower case and singular',
      });
    }
    return { kind, name, apiVersion, layer };
  });
};
