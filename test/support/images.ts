import { randomUUID } from 'node:crypto';
import { imageOf, openRegistry, pushImage, type TarEntry, tarLayer } from '../../src/oci/index.ts';
import { busybox } from '../cluster/rootfs.ts';

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const file = (path: string, content: string): TarEntry => ({
  kind: 'file',
  path,
  mode: 0o755,
  content: Buffer.from(content),
});

const push = async (registry: string, repository: string, entries: readonly TarEntry[]): Promise<string> => {
  // No node has any part of it.
  const tar = tarLayer([...entries, file('unique', randomUUID())]);
  const image = imageOf({ layers: [{ tar }], architecture, config: { Cmd: ['sh'] } });
  await pushImage(openRegistry(registry, repository), image, {});
  return `${repository}@${image.manifest.descriptor.digest}`;
};

/** Pushes an image for steps that no node has pulled yet. The result is what stands behind the host: `REPOSITORY@DIGEST`. */
export const pushStepImage = async (registry: string, repository: string): Promise<string> =>
  push(registry, repository, await busybox());

/** Pushes an agent's image whose two programs are these shell scripts of `/supervisor`. */
export const pushBadAgent = async (
  registry: string,
  repository: string,
  { run, ready }: { readonly run: string; readonly ready: string },
): Promise<string> => {
  const script = `#!/bin/sh\ncase $1 in\nrun) ${run} ;;\nready) ${ready} ;;\nesac\n`;
  return `${registry}/${await push(registry, repository, [...(await busybox()), file('supervisor', script), file('shim', '')])}`;
};
