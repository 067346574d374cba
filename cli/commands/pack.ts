import { pushImage } from 'waybill/oci';
import { z } from 'zod';
import { PACK_OPTIONS, packFiles } from '../bundles.ts';
import type { Command } from '../command.ts';
import { nameOf, openTarget, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [{ name: '<path...>', says: 'files and folders with Tasks and Pipelines' }],
  options: [
    { flags: '-t, --tag <ref>', says: 'where to: oci:DIR:TAG, or HOST/REPO:TAG', required: true },
    ...PACK_OPTIONS,
    ...REGISTRY_OPTIONS,
  ],
  example: 'waybill pack tasks/ pipeline.yaml -t oci:./out:1.4.0',
  output: z.object({ name: z.string(), tag: z.string(), digest: z.string(), objects: z.number() }),
  run: async (context, [paths], options) => {
    const { store, tag, reference } = openTarget(options.tag as string, options, context);
    const bundle = await packFiles(context, paths as readonly string[], options);
    const { digest } = await pushImage(store, bundle, { tag, signal: context.signal });
    const name = nameOf(reference);
    return { data: { name, tag, digest, objects: bundle.blobs.length - 1 }, text: `${name}:${tag}@${digest}` };
  },
};
