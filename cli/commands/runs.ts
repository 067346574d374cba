import { z } from 'zod';
import { CLUSTER_OPTIONS, connect } from '../cluster.ts';
import type { Command } from '../command.ts';
import { age } from '../output/age.ts';
import { table } from '../output/table.ts';

export const command: Command = {
  arguments: [],
  options: CLUSTER_OPTIONS,
  example: 'waybill runs -n ci',
  output: z.object({
    runs: z.array(
      z.object({
        name: z.string(),
        namespace: z.string(),
        kind: z.string(),
        source: z.string(),
        status: z.string(),
        reason: z.string(),
        created: z.string(),
        started: z.string().optional(),
        finished: z.string().optional(),
        driven: z.boolean(),
      }),
    ),
  }),
  run: async (context, _, options) => {
    const { records, namespace } = await connect(context, options);
    const found = await records.list(namespace, context.signal);
    const runs = found.map(({ name, annotations, driverAlive }) => {
      const of = (key: string): string | undefined => annotations[`waybill.dev/${key}`];
      return {
        name,
        namespace,
        kind: of('kind') ?? '',
        source: of('source') ?? '',
        status: of('status') ?? 'Unknown',
        reason: of('reason') ?? '',
        created: of('created') ?? '',
        ...(of('started') !== undefined && { started: of('started') }),
        ...(of('finished') !== undefined && { finished: of('finished') }),
        driven: driverAlive,
      };
    });
    const rows = runs.map((run) => [
      run.name,
      run.source,
      // A run that nobody drives does not go on by itself.
      run.status === 'Unknown' && !run.driven ? `${run.reason} (no driver)` : run.reason,
      age(run.started ?? run.created, context.now()),
      run.started && run.finished ? age(run.started, Date.parse(run.finished)) : '',
    ]);
    return {
      data: { runs },
      text:
        runs.length === 0
          ? `no runs in namespace ${namespace}`
          : table(['name', 'source', 'status', 'age', 'duration'], rows),
    };
  },
};
