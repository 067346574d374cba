import { keySigner, readPrivateKey, signBundle } from 'waybill/trust';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { readText } from '../files.ts';
import { nameOf, open, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [{ name: '<ref>', says: 'a bundle; a tag is resolved once, and its digest is signed' }],
  options: [
    {
      flags: '--key <file>',
      says: "private key: cosign's format (COSIGN_PASSWORD), PKCS #8, SEC 1 or PKCS #1",
      required: true,
    },
    ...REGISTRY_OPTIONS,
  ],
  example: 'waybill sign --key waybill.key registry.example/ci/release:1.4.0',
  output: z.object({ name: z.string(), digest: z.string(), signature: z.string() }),
  run: async (context, [text], options) => {
    const { env, signal, stdin, now } = context;
    const password = env.COSIGN_PASSWORD;
    const key = await readPrivateKey(
      await readText(options.key as string, stdin),
      password === undefined ? {} : { password },
    );
    const { store, ref, reference } = open(text as string, options, context);
    const descriptor = await store.resolve(ref, signal);
    const signature = await signBundle(store, descriptor, keySigner(key), { now: new Date(now()), signal });
    const data = { name: nameOf(reference), digest: descriptor.digest, signature: signature.digest };
    return { data, text: `${data.name}@${data.digest}` };
  },
};
