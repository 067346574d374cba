import { WaybillError } from 'waybill';
import { assertAllowed, judge } from 'waybill/trust';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { CACHE_OPTION, nameOf, open, REGISTRY_OPTIONS } from '../stores.ts';
import { TRUST_OPTIONS, trustFrom } from '../trust.ts';

export const command: Command = {
  arguments: [{ name: '<ref>', says: 'a bundle' }],
  options: [...TRUST_OPTIONS, ...REGISTRY_OPTIONS, CACHE_OPTION],
  example: 'waybill verify --key waybill.pub registry.example/ci/release:1.4.0',
  output: z.object({
    name: z.string(),
    digest: z.string(),
    verified: z.boolean(),
    signers: z.array(z.string()),
    policy: z.object({ source: z.string(), digest: z.string() }),
  }),
  run: async (context, [text], options) => {
    const trust = await trustFrom(context, options);
    if (trust === undefined) {
      throw new WaybillError('Usage', 'nothing to verify with', { hint: 'give --policy FILE or --key FILE' });
    }
    const { store, ref, reference } = open(text as string, options, context);
    const descriptor = await store.resolve(ref, context.signal);
    const verdict = await judge(store, descriptor, nameOf(reference), trust, { signal: context.signal });
    assertAllowed(verdict);
    if (!verdict.verified) {
      throw new WaybillError(
        'NotVerified',
        `${verdict.name}@${verdict.digest}: ${verdict.reasons[0]?.message ?? 'no rule asks for a signature'}`,
        {
          hint: 'the policy lets it run, but nobody vouches for it',
        },
      );
    }
    const { name, digest, verified, signers, policy } = verdict;
    return {
      data: { name, digest, verified, signers, policy },
      text: `${name}@${digest}\nverified: ${signers.join(', ')}`,
    };
  },
};
