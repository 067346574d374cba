import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** An image manifest, OCI or Docker schema 2. https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An index or manifest list. https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Content on its way into a store: bytes, a stream, or a function that opens the stream. A function is called only when
 * the content is wanted, and again where an upload must be repeated; a stream can be read once.
 */
export type Body = Uint8Array | Readable | (() => Promise<Readable>);

/** What OCI content can be read from: a registry repository, a layout folder, memory. */
export interface Source {
  /** The repository of a registry that this is; undefined for what is none. */
  readonly place?: Place;
  /** The descriptor that a tag or digest names; throws `NotFound`. */
  resolve(ref: string, signal?: AbortSignal): Promise<Descriptor>;
  /** The content, exactly as stored: the reader verifies it (see `readAll`, `verified`). Throws `NotFound`. */
  fetch(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
  exists(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /** All tags, sorted. */
  tags(signal?: AbortSignal): AsyncIterable<string>;
  /** Manifests whose `subject` is the descriptor, of one artifact type if named. */
  referrers(descriptor: Descriptor, artifactType?: string, signal?: AbortSignal): AsyncIterable<Descriptor>;
}

/** A repository of a registry. */
export interface Place {
  readonly host: string;
  readonly repository: string;
}

/** What OCI content can be written to as well. Children are pushed before the manifests that name them, tags last. */
export interface Target extends Source {
  /** Stores content under its descriptor; refuses content of another digest or size. Pushing what exists is no error. */
  push(descriptor: Descriptor, body: Body, signal?: AbortSignal): Promise<void>;
  /**
   * Takes a blob from another repository of the same registry, without its bytes passing through here. False where that
   * cannot be, and then it must be pushed. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
   */
  mount?(descriptor: Descriptor, from: Place, signal?: AbortSignal): Promise<boolean>;
  tag(descriptor: Descriptor, tag: string, signal?: AbortSignal): Promise<void>;
  /** Stores a manifest and tags it, where that takes less than the one after the other. */
  pushTagged?(content: Content, tag: string, signal?: AbortSignal): Promise<void>;
}

/** A target that forgets manifests too. All stores here are of this kind. */
export interface Store extends Target {
  /** Removes a manifest and the tags that point to it; throws `NotFound`. Blobs stay until a collection of garbage. */
  delete(descriptor: Descriptor, signal?: AbortSignal): Promise<void>;
}

/** Bytes of content, from the first to the last, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A store that a registry can be served from: it knows its blobs by digest alone, and forgets single things. */
export interface Repository extends Store {
  /** The size of a blob in bytes; undefined if it is not there. A manifest counts as a blob too. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /** Part of a blob, or all of it, exactly as stored. Throws `NotFound`. */
  read(digest: Digest, range?: ByteRange, signal?: AbortSignal): Promise<Readable>;
  /** Forgets a tag, and leaves what it named; throws `NotFound`. */
  untag(tag: string, signal?: AbortSignal): Promise<void>;
  /** Removes a blob that is no manifest; throws `NotFound`. Whether something needs it is the caller's to know. */
  deleteBlob(digest: Digest): Promise<void>;
}

/** Bytes and the descriptor that names them. */
export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export const MEDIA_TYPES = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;
