import { z } from 'zod';
import type { Command } from '../command.ts';
import { nameOf, open, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [
    { name: '<ref>', says: 'a bundle' },
    { name: '<tag...>', says: 'tags to give it, in the same repository' },
  ],
  options: REGISTRY_OPTIONS,
  example: 'waybill tag registry.example/ci/release:1.4.0 1.4 latest',
  output: z.object({ name: z.string(), digest: z.string(), tags: z.array(z.string()) }),
  run: async (context, [text, tags], options) => {
    const { signal } = context;
    const { store, ref, reference } = open(text as string, options, context);
    const descriptor = await store.resolve(ref, signal);
    for (const tag of tags as readonly string[]) await store.tag(descriptor, tag, signal);
    const data = { name: nameOf(reference), digest: descriptor.digest, tags };
    return {
      data,
      text: (tags as readonly string[]).map((tag) => `${data.name}:${tag}@${descriptor.digest}`).join('\n'),
    };
  },
};
