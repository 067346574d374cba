import { limit, WaybillError } from '../core/index.ts';
import type { Image } from './image.ts';
import { contentOf, jsonContent } from './manifest.ts';
import type { CopyEvent } from './progress.ts';
import { type Content, type Descriptor, type Index, type Manifest, MEDIA_TYPES, type Target } from './types.ts';

/** Pushes content as it is. */
export const pushContent = async (
  target: Target,
  { descriptor, bytes }: Content,
  signal?: AbortSignal,
): Promise<void> => target.push(descriptor, bytes, signal);

/** Pushes a manifest whose children are there, and tags it. */
export const pushTagged = async (
  target: Target,
  content: Content,
  tag: string,
  signal?: AbortSignal,
): Promise<void> => {
  if (target.pushTagged !== undefined) return target.pushTagged(content, tag, signal);
  await pushContent(target, content, signal);
  await target.tag(content.descriptor, tag, signal);
};

/** Pushes bytes as a blob; returns their descriptor. */
export const pushBlob = async (
  target: Target,
  bytes: Uint8Array,
  mediaType: string,
  { annotations, signal }: { annotations?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<Descriptor> => {
  const content = contentOf(bytes, mediaType, annotations === undefined ? {} : { annotations });
  await pushContent(target, content, signal);
  return content.descriptor;
};

export interface ManifestOptions {
  /** The empty config, unless given; an artifact without a config needs an artifact type. */
  readonly config?: Descriptor;
  /** The empty layer, unless there is one: registries refuse manifests without layers. */
  readonly layers?: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Pushes an OCI manifest over blobs that are there already; returns its descriptor.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
 */
export const pushManifest = async (target: Target, options: ManifestOptions): Promise<Descriptor> => {
  const { config, layers = [], artifactType, subject, annotations, signal } = options;
  if (config === undefined && artifactType === undefined) {
    throw new WaybillError('BadManifest', 'an artifact without a config needs an artifact type');
  }
  const needsEmpty = config === undefined || layers.length === 0;
  const empty = needsEmpty
    ? await pushBlob(target, Buffer.from('{}'), MEDIA_TYPES.empty, withSignal(signal))
    : undefined;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    ...(artifactType === undefined ? {} : { artifactType }),
    config: config ?? (empty as Descriptor),
    layers: layers.length > 0 ? layers : [empty as Descriptor],
    ...(subject === undefined ? {} : { subject: plain(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  } satisfies Manifest;
  const content = jsonContent(manifest, MEDIA_TYPES.manifest);
  await pushContent(target, content, signal);
  return { ...content.descriptor, ...(artifactType === undefined ? {} : { artifactType }) };
};

/** Pushes an index over manifests that are there already; returns its descriptor. */
export const pushIndex = async (
  target: Target,
  manifests: readonly Descriptor[],
  { annotations, signal }: { annotations?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<Descriptor> => {
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests,
    ...(annotations === undefined ? {} : { annotations }),
  } satisfies Index;
  const content = jsonContent(index, MEDIA_TYPES.index);
  await pushContent(target, content, signal);
  return content.descriptor;
};

export interface PushOptions {
  readonly tag?: string;
  /** Blobs on their way at one time. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: CopyEvent) => void;
}

/** Pushes an image or a bundle: its blobs first, some at a time, then its manifest. Returns the manifest's descriptor. */
export const pushImage = async (
  target: Target,
  { manifest, blobs }: Image,
  { tag, concurrency = 6, signal, onEvent = () => {} }: PushOptions = {},
): Promise<Descriptor> => {
  const gate = limit(concurrency);
  const push = async (content: Content, send: () => Promise<void>): Promise<void> => {
    onEvent({ kind: 'started', descriptor: content.descriptor });
    await send();
    onEvent({ kind: 'done', descriptor: content.descriptor, state: 'copied' });
  };
  await Promise.all(distinct(blobs).map((blob) => gate(() => push(blob, () => pushContent(target, blob, signal)))));
  await push(manifest, () =>
    tag === undefined ? pushContent(target, manifest, signal) : pushTagged(target, manifest, tag, signal),
  );
  return manifest.descriptor;
};

const distinct = (contents: readonly Content[]): readonly Content[] => [
  ...new Map(contents.map((content) => [content.descriptor.digest, content])).values(),
];

const plain = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

const withSignal = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };
