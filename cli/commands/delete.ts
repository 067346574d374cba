import { z } from 'zod';
import { CLUSTER_OPTIONS, connect } from '../cluster.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  arguments: [{ name: '<run...>', says: 'names of runs' }],
  options: CLUSTER_OPTIONS,
  example: 'waybill delete release-x7k2p',
  output: z.object({ deleted: z.array(z.string()) }),
  run: async (context, [names], options) => {
    const { records, namespace } = await connect(context, options);
    for (const name of names as readonly string[]) await records.delete(namespace, name, context.signal);
    return { data: { deleted: names }, text: (names as readonly string[]).map((name) => `${name} deleted`).join('\n') };
  },
};
