import { isWaybillError, WaybillError } from 'waybill';
import { copy, parseReference, pushImage } from 'waybill/oci';
import { z } from 'zod';
import { PACK_OPTIONS, packFiles } from '../bundles.ts';
import type { Command } from '../command.ts';
import { transferProgress } from '../output/progress.ts';
import { nameOf, open, openTarget, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [
    {
      name: '<source-and-ref...>',
      says: 'files and folders, or one packed bundle (oci:DIR:TAG), and last the reference to push to',
    },
  ],
  options: [...PACK_OPTIONS, ...REGISTRY_OPTIONS],
  example:
    'waybill push tasks/ pipeline.yaml registry.example/ci/release:1.4.0\nwaybill push oci:./out:1.4.0 registry.example/ci/release:1.4.0',
  output: z.object({ name: z.string(), tag: z.string(), digest: z.string() }),
  run: async (context, [words], options) => {
    const sources = (words as readonly string[]).slice(0, -1);
    const last = (words as readonly string[]).at(-1) as string;
    const [first] = sources;
    if (first === undefined) throw new WaybillError('Usage', 'nothing to push', { hint: 'waybill push PATH… REF' });
    const { store, tag, reference } = openTarget(last, options, context);
    const name = nameOf(reference);
    const { signal } = context;
    const { onEvent } = transferProgress(context, 'pushing');
    if (!first.startsWith('oci:')) {
      const bundle = await packFiles(context, sources, options).catch((error: unknown) => {
        throw isWaybillError(error, 'NotFound') && isRegistry(first) ? noFiles(first, last) : error;
      });
      const { digest } = await pushImage(store, bundle, { tag, signal, onEvent });
      return { data: { name, tag, digest }, text: `${name}:${tag}@${digest}` };
    }
    if (sources.length > 1)
      throw new WaybillError('Usage', 'one packed bundle is pushed at a time', {
        hint: `leave out ${sources.slice(1).join(' ')}`,
      });
    const source = open(first, options, context);
    const { digest } = await copy(source.store, source.ref, store, tag, { referrers: true, signal, onEvent });
    return { data: { name, tag, digest }, text: `${name}:${tag}@${digest}` };
  },
};

const isRegistry = (text: string): boolean => {
  try {
    return parseReference(text).kind === 'registry';
  } catch {
    return false;
  }
};

const noFiles = (from: string, to: string): WaybillError =>
  new WaybillError('Usage', `${from} is no file and no packed bundle`, {
    hint: `between registries: waybill copy ${from} ${to}`,
  });
