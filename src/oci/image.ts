import { digestOf } from '../core/index.ts';
import { gzipStored } from './gzip.ts';
import { contentOf, jsonContent } from './manifest.ts';
import { type TarEntry, tar } from './tar.ts';
import { type Content, type Manifest, MEDIA_TYPES } from './types.ts';

/** Media types of an image; OCI's unless something else is asked for. */
interface ImageTypes {
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

const OCI: ImageTypes = { manifest: MEDIA_TYPES.manifest, config: MEDIA_TYPES.config, layer: MEDIA_TYPES.layerGzip };

/** How a container of the image is started. https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md */
export interface ContainerConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

interface ImageLayer {
  /** An uncompressed tar, see {@link tarLayer}. */
  readonly tar: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageOptions {
  readonly layers: readonly ImageLayer[];
  readonly config?: ContainerConfig;
  readonly architecture?: string;
  readonly os?: string;
  /** RFC 3339; the epoch, unless given. */
  readonly created?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly types?: ImageTypes;
}

export interface Image {
  readonly manifest: Content;
  /** The config and the layers, to be pushed before the manifest. */
  readonly blobs: readonly Content[];
}

/**
 * The layer that holds files: sorted by path, so that their order does not matter. Folders above a file need no entry;
 * give one where the mode matters.
 */
export const tarLayer = (entries: readonly TarEntry[]): Uint8Array =>
  tar([...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)));

/** An image of layers in gzip's envelope, uncompressed inside: the same input gives the same digest everywhere. */
export const imageOf = ({
  layers,
  config = {},
  architecture = 'amd64',
  os = 'linux',
  created = '1970-01-01T00:00:00Z',
  annotations,
  types = OCI,
}: ImageOptions): Image => {
  const configContent = jsonContent(
    {
      architecture,
      os,
      created,
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer.tar)) },
    },
    types.config,
  );
  const layerContents = layers.map((layer) =>
    contentOf(gzipStored(layer.tar), types.layer, layer.annotations ? { annotations: layer.annotations } : {}),
  );
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: configContent.descriptor,
    layers: layerContents.map(({ descriptor }) => descriptor),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const { bytes, descriptor } = jsonContent(manifest, types.manifest);
  return {
    manifest: { bytes, descriptor: { ...descriptor, platform: { os, architecture } } },
    blobs: [configContent, ...layerContents],
  };
};
