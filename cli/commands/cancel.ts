import { WaybillError } from 'waybill';
import { z } from 'zod';
import { CLUSTER_OPTIONS, connect, takeOver } from '../cluster.ts';
import type { Command } from '../command.ts';
import { driveRun } from '../drive.ts';
import { runName } from '../run-name.ts';

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
  run: async (context, [text], options) => {
    const name = runName(text as string);
    const connection = await connect(context, options, 'canceller');
    const { client, clock, records, namespace } = connection;
    const mode = options.mode as 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally';
    await records.wish(namespace, name, mode, context.signal);
    // A driver that is alive either ends the run and lets go of it, or shows with its next write that it goes on.
    const taken = await takeOver(context, connection, name).catch((error: unknown) => {
      if (error instanceof WaybillError && error.code === 'DriverAlive') return undefined;
      throw error;
    });
    if (taken === undefined) {
      const text = `${name}: its driver was told, and is ending it`;
      return { data: { name, mode, finished: false, reason: 'Running' }, text };
    }
    const state = await driveRun(context, { client, clock, ...taken });
    const reason = state.condition?.reason ?? 'Unknown';
    return { data: { name, mode, finished: true, reason }, text: `${name}: ${reason}` };
  },
};
