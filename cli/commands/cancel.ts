import { z } from 'zod';
import { CLUSTER_OPTIONS, connect, holderName } from '../cluster.ts';
import type { Command } from '../command.ts';
import { driveRun } from '../drive.ts';

export const command: Command = {
  arguments: [{ name: '<run>', says: 'name of a run' }],
  options: [
    {
      flags: '--mode <mode>',
      says: "Tekton's ways: stop all at once, or let finally tasks run, or let running tasks end as well",
      choices: ['Cancelled', 'CancelledRunFinally', 'StoppedRunFinally'],
      default: 'Cancelled',
    },
    ...CLUSTER_OPTIONS,
  ],
  example: 'waybill cancel release-x7k2p',
  output: z.object({ name: z.string(), mode: z.string(), finished: z.boolean(), reason: z.string() }),
  run: async (context, [name], options) => {
    const { client, records, namespace } = await connect(context, options);
    const mode = options.mode as 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally';
    const { driverAlive } = await records.wish(namespace, name as string, mode, context.signal);
    if (driverAlive) {
      const text = `${name}: its driver was told`;
      return { data: { name, mode, finished: false, reason: 'Running' }, text };
    }
    const taken = await records.take(namespace, name as string, { holder: holderName(), signal: context.signal });
    const state = await driveRun(context, { client, ...taken });
    const reason = state.condition?.reason ?? 'Unknown';
    return { data: { name, mode, finished: true, reason }, text: `${name}: ${reason}` };
  },
};
