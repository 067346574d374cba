import { canonicalJson, type Diagnostic, hasErrors, type Json } from '../core/index.ts';
import { gzipStored } from '../oci/gzip.ts';
import { imageOf } from '../oci/image.ts';
import { tar } from '../oci/tar.ts';
import { type Content, MEDIA_TYPES } from '../oci/types.ts';
import { ANNOTATIONS, LARGE_LAYER, MAX_LAYER, MAX_OBJECTS } from './contract.ts';

/** A Tekton object as a plain JSON value. */
export interface PackObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string };
}

export interface PackOptions {
  /** Of the manifest: title, version, source, … as OCI names them. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Docker's media types and an `apiVersion` without its group, as `tkn bundle push` writes them. */
  readonly tknCompat?: boolean;
  /** RFC 3339, from SOURCE_DATE_EPOCH; the epoch, unless given. */
  readonly created?: string;
}

/** A packed bundle: the blobs are pushed before the manifest. */
export interface Bundle {
  readonly manifest: Content;
  readonly blobs: readonly Content[];
}

export interface Packed {
  /** Undefined if a finding is an error. */
  readonly bundle: Bundle | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const DOCKER = {
  manifest: MEDIA_TYPES.dockerManifest,
  config: MEDIA_TYPES.dockerConfig,
  layer: MEDIA_TYPES.dockerLayer,
} as const;

/**
 * Packs objects into a Tekton bundle. The same objects in any order give the same bytes, on any machine: layers are
 * sorted, objects are canonical JSON, and neither time nor compression comes in. What Tekton would refuse is a finding.
 */
export const packBundle = (
  objects: readonly PackObject[],
  { annotations, tknCompat = false, created }: PackOptions = {},
): Packed => {
  const layers = objects.map((object) => layerOf(object, tknCompat)).sort(byKey);
  const diagnostics = [...countFindings(objects), ...layers.flatMap(layerFindings), ...duplicateFindings(layers)];
  if (hasErrors(diagnostics)) return { bundle: undefined, diagnostics };
  const bundle = imageOf({
    layers,
    ...(annotations === undefined ? {} : { annotations }),
    ...(created === undefined ? {} : { created }),
    ...(tknCompat ? { types: DOCKER } : {}),
  });
  // A platform on the manifest's descriptor would only say where objects, which have none, are to run.
  const { mediaType, digest, size } = bundle.manifest.descriptor;
  return {
    bundle: { ...bundle, manifest: { ...bundle.manifest, descriptor: { mediaType, digest, size } } },
    diagnostics,
  };
};

interface Layer {
  /** Kind, name and API version: what a layer is sorted by and unique in. */
  readonly key: readonly [string, string, string];
  readonly label: string;
  readonly tar: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
  readonly named: boolean;
}

const layerOf = (object: PackObject, tknCompat: boolean): Layer => {
  const { apiVersion, metadata } = object;
  const kind = object.kind.toLowerCase();
  const name = metadata.name ?? '';
  const content = Buffer.from(canonicalJson(object as unknown as Json));
  const named = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name);
  return {
    key: [kind, name, apiVersion],
    label: `${object.kind} "${name}"`,
    named,
    tar: named ? tar([{ kind: 'file', path: name, content, mode: 0o600 }]) : new Uint8Array(),
    annotations: {
      [ANNOTATIONS.name]: name,
      [ANNOTATIONS.kind]: kind,
      [ANNOTATIONS.apiVersion]: tknCompat ? (apiVersion.split('/').at(-1) ?? apiVersion) : apiVersion,
    },
  };
};

const byKey = (a: Layer, b: Layer): number => {
  for (const [index, part] of a.key.entries()) {
    const other = b.key[index] as string;
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
};

const countFindings = (objects: readonly PackObject[]): readonly Diagnostic[] => {
  if (objects.length === 0) return [finding('bundle-empty', 'there is nothing to pack')];
  if (objects.length <= MAX_OBJECTS) return [];
  return [
    {
      ...finding('bundle-too-many', `${objects.length} objects are more than the ${MAX_OBJECTS} that Tekton reads`),
      hint: 'pack them into several bundles',
    },
  ];
};

const layerFindings = ({ label, tar: bytes, key: [kind], named }: Layer): readonly Diagnostic[] => {
  // The envelope counts too: it is the layer's size that a reader caps.
  const size = gzipStored(bytes).byteLength;
  return [
    ...(named ? [] : [finding('object-name', `${label} has no name that Tekton takes`)]),
    ...(kind !== '' && !kind.endsWith('s')
      ? []
      : [finding('object-kind', `the kind of ${label} is not singular, which Tekton wants it to be`)]),
    ...(size > MAX_LAYER ? [finding('object-too-large', `${label} has ${size} bytes, more than ${MAX_LAYER}`)] : []),
    ...(size >= LARGE_LAYER && size <= MAX_LAYER
      ? [finding('object-large', `${label} has ${size} bytes; a cluster may refuse it`, 'warning')]
      : []),
  ];
};

const duplicateFindings = (sorted: readonly Layer[]): readonly Diagnostic[] =>
  sorted
    .filter((layer, index) => index > 0 && byKey(layer, sorted[index - 1] as Layer) === 0)
    .map(({ label }) => finding('object-duplicate', `${label} is there twice`));

const finding = (code: string, message: string, severity: Diagnostic['severity'] = 'error'): Diagnostic => ({
  code,
  severity,
  message,
});
