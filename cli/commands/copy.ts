import { copy } from 'waybill/oci';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { boundMemory } from '../memory.ts';
import { transferProgress } from '../output/progress.ts';
import { nameOf, open, openTarget, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [
    { name: '<source>', says: 'what to copy: HOST/REPO:TAG, HOST/REPO@sha256:…, oci:DIR:TAG' },
    { name: '<target>', says: 'where to: HOST/REPO:TAG or oci:DIR:TAG' },
  ],
  options: [{ flags: '--no-referrers', says: 'leave signatures and other referrers behind' }, ...REGISTRY_OPTIONS],
  example: 'waybill copy registry.example/ci/release:1.4.0 oci:./mirror:1.4.0',
  output: z.object({ name: z.string(), tag: z.string(), digest: z.string(), copied: z.number(), skipped: z.number() }),
  run: async (context, [from, to], options) => {
    const { signal } = context;
    boundMemory();
    const source = open(from as string, options, context);
    const target = openTarget(to as string, options, context);
    const progress = transferProgress(context, 'copying');
    const count = { copied: 0, exists: 0, mounted: 0 };
    const { digest } = await copy(source.store, source.ref, target.store, target.tag, {
      referrers: options.referrers !== false,
      signal,
      onEvent: (event) => {
        progress.onEvent(event);
        if (event.kind === 'done') count[event.state] += 1;
      },
    });
    const name = nameOf(target.reference);
    const data = { name, tag: target.tag, digest, copied: count.copied + count.mounted, skipped: count.exists };
    return { data, text: `${name}:${target.tag}@${digest}` };
  },
};
