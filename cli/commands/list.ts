import { listBundle } from 'waybill/bundle';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { table } from '../output/table.ts';
import { CACHE_OPTION, open, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [
    {
      name: '<ref>',
      says: 'a bundle (HOST/REPO:TAG, HOST/REPO@sha256:…, oci:DIR:TAG), or a repository without tag for its tags',
    },
  ],
  options: [...REGISTRY_OPTIONS, CACHE_OPTION],
  example: 'waybill list registry.example/ci/release:1.4.0',
  output: z.union([
    z.object({
      digest: z.string(),
      objects: z.array(
        z.object({ kind: z.string(), name: z.string(), apiVersion: z.string(), digest: z.string(), size: z.number() }),
      ),
    }),
    z.object({ tags: z.array(z.string()) }),
  ]),
  run: async (context, [text], options) => {
    const { signal } = context;
    const { store, ref, reference } = open(text as string, options, context);
    if (reference.tag === undefined && reference.digest === undefined) {
      const tags = await Array.fromAsync(store.tags(signal));
      return { data: { tags }, text: tags.join('\n') };
    }
    const descriptor = await store.resolve(ref, signal);
    const { entries } = await listBundle(store, descriptor, signal);
    const objects = entries.map(({ kind, name, apiVersion, layer }) => ({
      kind,
      name,
      apiVersion,
      digest: layer.digest,
      size: layer.size,
    }));
    const rows = objects.map(({ kind, name, apiVersion, size }) => [`${kind}/${name}`, apiVersion, String(size)]);
    return { data: { digest: descriptor.digest, objects }, text: table(['object', 'apiVersion', 'size'], rows) };
  },
};
