import { resolveReference } from 'waybill/resolve';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { verdictText } from '../output/verdict.ts';
import { RESOLVE_OPTIONS, resolveContext } from '../prepare.ts';

export const command: Command = {
  arguments: [
    {
      name: '<ref>',
      says: 'one object: HOST/REPO:TAG#kind/name; without #kind/name the one Pipeline, or else the one Task',
    },
  ],
  options: RESOLVE_OPTIONS,
  example: 'waybill resolve registry.example/ci/release:1.4.0#task/build --policy waybill.policy.yaml',
  output: z.object({
    kind: z.string(),
    name: z.string(),
    source: z.object({ uri: z.string(), digest: z.string(), entryPoint: z.string() }),
    verdict: z.object({
      verified: z.boolean(),
      signers: z.array(z.string()),
      reason: z.string().optional(),
      policy: z.object({ source: z.string(), digest: z.string() }).optional(),
    }),
    object: z.string(),
  }),
  run: async (context, [text], options) => {
    const resolving = await resolveContext(context, options);
    const { bytes, kind, name, source, verdict } = await resolveReference(text as string, resolving);
    for (const { message } of resolving.warnings()) context.note(`warning: ${message}`);
    context.note(`${source.uri}@${source.digest}#${kind}/${name}: ${verdictText(verdict)}`);
    const object = Buffer.from(bytes).toString('utf8');
    return { data: { kind, name, source, verdict, object }, text: object };
  },
};
