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
    const deleted: string[] = [];
    const failures: unknown[] = [];
    // As kubectl does: one that cannot be deleted does not keep the others.
    for (const name of new Set(names as readonly string[])) {
      await records.delete(namespace, name, context.signal).then(
        () => deleted.push(name),
        (error: unknown) => failures.push(error),
      );
      context.signal.throwIfAborted();
    }
    if (failures.length > 0) {
      for (const name of deleted) context.note(`${name} deleted`);
      throw failures[0];
    }
    return { data: { deleted }, text: deleted.map((name) => `${name} deleted`).join('\n') };
  },
};
