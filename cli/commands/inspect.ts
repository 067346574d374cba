import { listBundle } from 'waybill/bundle';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { table } from '../output/table.ts';
import { CACHE_OPTION, nameOf, open, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [{ name: '<ref>', says: 'a bundle' }],
  options: [...REGISTRY_OPTIONS, CACHE_OPTION],
  example: 'waybill inspect registry.example/ci/release:1.4.0 -o json',
  output: z.object({
    name: z.string(),
    digest: z.string(),
    mediaType: z.string(),
    size: z.number(),
    annotations: z.record(z.string(), z.string()),
    objects: z.array(
      z.object({ kind: z.string(), name: z.string(), apiVersion: z.string(), digest: z.string(), size: z.number() }),
    ),
    referrers: z.array(
      z.object({ digest: z.string(), artifactType: z.string(), annotations: z.record(z.string(), z.string()) }),
    ),
  }),
  run: async (context, [text], options) => {
    const { signal } = context;
    const { store, ref, reference } = open(text as string, options, context);
    const descriptor = await store.resolve(ref, signal);
    const { annotations, entries } = await listBundle(store, descriptor, signal);
    const referrers = await Array.fromAsync(store.referrers(descriptor, undefined, signal));
    const data = {
      name: nameOf(reference),
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      size: descriptor.size,
      annotations,
      objects: entries.map(({ kind, name, apiVersion, layer }) => ({
        kind,
        name,
        apiVersion,
        digest: layer.digest,
        size: layer.size,
      })),
      referrers: referrers.map(({ digest, artifactType, annotations: own = {} }) => ({
        digest,
        artifactType: artifactType ?? '',
        annotations: own,
      })),
    };
    const lines = [
      `Name:       ${data.name}`,
      `Digest:     ${data.digest}`,
      `Media type: ${data.mediaType}`,
      ...Object.entries(annotations).map(([key, value]) => `Annotation: ${key}=${value}`),
      '',
      table(
        ['object', 'apiVersion', 'size', 'layer'],
        data.objects.map((one) => [`${one.kind}/${one.name}`, one.apiVersion, String(one.size), one.digest]),
      ),
      '',
      referrers.length === 0
        ? 'Nothing refers to it: no signatures.'
        : table(
            ['referrer', 'type'],
            data.referrers.map((one) => [one.digest, one.artifactType]),
          ),
    ];
    return { data, text: lines.join('\n') };
  },
};
