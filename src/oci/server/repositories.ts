import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WaybillError } from '../../core/index.ts';
import { openLayout } from '../layout/layout.ts';
import type { Repository } from '../types.ts';

/** The repositories that a registry has. Names have been checked before they come here. */
export interface Repositories {
  /** A repository that exists; undefined for one that does not. */
  find(name: string): Repository | undefined;
  /** The same, or a new one: it exists from its first content on. */
  make(name: string): Repository;
  /** All names, sorted. */
  names(): Promise<readonly string[]>;
}

/** What a layout has in its folder: a repository cannot be called so, or their files would lie among each other. */
const RESERVED = 'blobs';
/** Folders in folders, at most. */
const DEPTH = 16;

const isLayout = (dir: string): boolean => existsSync(join(dir, 'oci-layout')) || existsSync(join(dir, RESERVED));

/**
 * A folder whose sub-folders are repositories, each an OCI image layout: `DIR/team/app` is `team/app`, and
 * `oci:DIR/team/app` elsewhere. Throws `Usage` for a folder that is a layout itself.
 */
export const folderRepositories = (dir: string): Repositories => {
  if (isLayout(dir)) {
    throw new WaybillError('Usage', `${dir} is a layout itself: the repository of a registry has a name`, {
      hint: 'serve the folder above it, whose sub-folders are the repositories',
    });
  }
  const walk = async (name: string, depth: number): Promise<readonly string[]> => {
    const entries = await readdir(join(dir, name), { withFileTypes: true }).catch(() => []);
    const inner = entries.filter(
      (entry) => entry.isDirectory() && entry.name !== RESERVED && !entry.name.startsWith('.'),
    );
    const found = depth === 0 ? [] : await Promise.all(inner.map((entry) => walk(join(name, entry.name), depth - 1)));
    const own = name !== '' && existsSync(join(dir, name, 'index.json')) ? [name] : [];
    return [...own, ...found.flat()];
  };
  return {
    find: (name) => (isLayout(join(dir, name)) ? openLayout(join(dir, name)) : undefined),
    make: (name) => openLayout(join(dir, name)),
    names: async () => [...(await walk('', DEPTH))].sort(),
  };
};

/** Whether a repository of a folder may be called so. */
export const isServable = (name: string): boolean => !name.split('/').includes(RESERVED);
