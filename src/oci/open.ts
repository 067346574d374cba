import { WaybillError } from '../core/index.ts';
import { openArchive } from './archive/archive.ts';
import { type Cache, cached } from './cache.ts';
import { openLayout } from './layout/layout.ts';
import { mirrored } from './mirror.ts';
import { formatReference, type Reference } from './reference.ts';
import { openRegistry, type RegistryOptions } from './registry/registry.ts';
import type { Place, Store } from './types.ts';

/** A store, and what to resolve in it. */
export interface Opened {
  readonly store: Store;
  /** The digest, or else the tag, or else `latest`. */
  readonly ref: string;
}

/** How stores are opened. */
export interface OpenOptions extends RegistryOptions {
  /** The mirrors of a repository, in the order in which they are asked. */
  readonly mirrors?: (place: Place) => readonly Place[];
  /** What registries are read through; without it every read is a request. */
  readonly cache?: Cache | undefined;
}

const openPlace = ({ host, repository }: Place, { mirrors = () => [], cache, ...options }: OpenOptions): Store => {
  const own = openRegistry(host, repository, options);
  const others = mirrors({ host, repository }).map((place) =>
    openRegistry(place.host, place.repository, { ...options, mirrorOf: host }),
  );
  const store = others.length === 0 ? own : mirrored(own, others);
  return cache === undefined ? store : cached(store, cache);
};

/**
 * The store that a registry or layout reference names; a layout whose name ends in `.tar` is an archive. A range must have been turned into a tag before; files and the
 * other resolvers are no stores (`BadReference`).
 */
export const openStore = (reference: Reference, options: OpenOptions = {}): Opened => {
  switch (reference.kind) {
    case 'registry':
      if (reference.range !== undefined) {
        throw new WaybillError('Unsupported', `${formatReference(reference)}: ranges are not supported yet`, {
          hint: 'name a tag or a digest',
        });
      }
      return {
        store: openPlace(reference, options),
        ref: reference.digest ?? reference.tag ?? 'latest',
      };
    case 'layout':
      return {
        store: reference.dir.endsWith('.tar') ? openArchive(reference.dir) : openLayout(reference.dir),
        ref: reference.digest ?? reference.tag ?? 'latest',
      };
    case 'file':
    case 'resolver':
      throw new WaybillError('BadReference', `${formatReference(reference)} is no registry and no layout folder`, {
        hint: 'write HOST/REPO[:TAG] or oci:DIR[:TAG]',
      });
  }
};
