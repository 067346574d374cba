import { z } from 'zod';
import { canonicalJson, type Digest, digestOf, isDigest, type Json, WaybillError } from '../core/index.ts';
import { type Content, type Descriptor, type Index, type Manifest, MEDIA_TYPES } from './types.ts';

const annotations = z.record(z.string(), z.string());

const descriptor = z.object({
  mediaType: z.string().min(1).max(255),
  digest: z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'no digest'),
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().max(255).optional(),
  annotations: annotations.nullish().transform((value) => value ?? undefined),
  platform: z
    .object({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
    .nullish()
    .transform((value) => value ?? undefined),
});

const shared = {
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  subject: descriptor.nullish().transform((value) => value ?? undefined),
  annotations: annotations.nullish().transform((value) => value ?? undefined),
};

const manifest = z.object({
  ...shared,
  config: descriptor,
  layers: z.array(descriptor),
  manifests: z.never().optional(),
});
const index = z.object({
  ...shared,
  manifests: z
    .array(descriptor)
    .nullish()
    .transform((value) => value ?? []),
  layers: z.never().optional(),
  config: z.never().optional(),
});

const MANIFESTS: readonly string[] = [MEDIA_TYPES.manifest, MEDIA_TYPES.dockerManifest];
const INDEXES: readonly string[] = [MEDIA_TYPES.index, MEDIA_TYPES.dockerList];

/** Whether a media type is an image manifest's, OCI or Docker. */
export const isManifestType = (mediaType: string): boolean => MANIFESTS.includes(mediaType);

/** Whether a media type is an index's or manifest list's. */
export const isIndexType = (mediaType: string): boolean => INDEXES.includes(mediaType);

/** Whether content of a media type is kept under manifests rather than blobs. */
export const isManifestLike = (mediaType: string): boolean => isManifestType(mediaType) || isIndexType(mediaType);

/**
 * The bytes of an image manifest as a value; throws `BadManifest`. Fields that it does not know are left out: whoever
 * copies a manifest copies its bytes. A document that is both manifest and index is refused, as one digest must not
 * mean two things.
 */
export const parseManifest = (bytes: Uint8Array, name = 'the manifest'): Manifest =>
  prune(parse(manifest, bytes, MANIFESTS, name)) as unknown as Manifest;

/** The bytes of an index as a value; throws `BadManifest`. */
export const parseIndex = (bytes: Uint8Array, name = 'the index'): Index =>
  prune(parse(index, bytes, INDEXES, name)) as unknown as Index;

/** The media type that a manifest's bytes speak of, where nothing else tells; undefined for what is no manifest. */
export const sniffMediaType = (bytes: Uint8Array): string | undefined => {
  const value = readJson(bytes);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { mediaType } = value as Record<string, unknown>;
  if (typeof mediaType === 'string') return isManifestLike(mediaType) ? mediaType : undefined;
  if ('layers' in value && 'config' in value) return MEDIA_TYPES.manifest;
  return 'manifests' in value ? MEDIA_TYPES.index : undefined;
};

/** What must be stored before a manifest may be: its config and layers, or its manifests. The subject is no child. */
export const childrenOf = ({ descriptor: { mediaType, digest }, bytes }: Content): readonly Descriptor[] => {
  if (isIndexType(mediaType)) return parseIndex(bytes, digest).manifests;
  const { config, layers } = parseManifest(bytes, digest);
  return [config, ...layers];
};

/**
 * The subject of a manifest, and the descriptor by which a listing of referrers names that manifest: the artifact type
 * (or else the config's type) and the annotations are copied into it.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
 */
export const referrerOf = (
  content: Content,
): { readonly subject: Descriptor; readonly referrer: Descriptor } | undefined => {
  const { descriptor: found, bytes } = content;
  const parsed = isIndexType(found.mediaType) ? parseIndex(bytes, found.digest) : parseManifest(bytes, found.digest);
  if (parsed.subject === undefined) return undefined;
  const artifactType = parsed.artifactType ?? ('config' in parsed ? parsed.config.mediaType : undefined);
  return {
    subject: parsed.subject,
    referrer: {
      mediaType: found.mediaType,
      digest: found.digest,
      size: found.size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
    },
  };
};

/** Bytes with the descriptor that names them. */
export const contentOf = (
  bytes: Uint8Array,
  mediaType: string,
  more: Pick<Descriptor, 'annotations' | 'artifactType' | 'platform'> = {},
): Content => ({ bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength, ...more } });

/** A JSON document as content, in the canonical form: the same value always has the same digest. */
export const jsonContent = (value: object, mediaType: string): Content =>
  contentOf(Buffer.from(canonicalJson(value as Json)), mediaType);

const parse = <T extends { mediaType?: string | undefined }>(
  schema: z.ZodType<T>,
  bytes: Uint8Array,
  types: readonly string[],
  name: string,
): T => {
  const result = schema.safeParse(readJson(bytes));
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    throw new WaybillError('BadManifest', `${name} is no ${types === INDEXES ? 'index' : 'manifest'}${where}`);
  }
  const { mediaType } = result.data;
  if (mediaType !== undefined && !types.includes(mediaType)) {
    throw new WaybillError('BadManifest', `${name} calls itself ${mediaType.slice(0, 100)}`);
  }
  return result.data;
};

const readJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
};

/** Drops keys whose value is undefined, all the way down: absent and undefined are two things in our types. */
const prune = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(prune);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, prune(member)]),
  );
};
