import { WaybillError } from 'waybill';
import { containersOf } from 'waybill/pod';
import { kubernetesRuntime } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, connect } from '../cluster.ts';
import type { Command } from '../command.ts';
import { logPrinter } from '../output/logs.ts';

export const command: Command = {
  arguments: [{ name: '<run>', says: 'name of a run' }],
  options: [{ flags: '-t, --task <name>', says: 'only this task', repeat: true }, ...CLUSTER_OPTIONS],
  example: 'waybill logs release-x7k2p --task build',
  output: z.object({
    name: z.string(),
    steps: z.array(z.object({ pod: z.string(), container: z.string(), task: z.string(), step: z.string() })),
  }),
  run: async (context, [name], options) => {
    const { client, records, namespace } = await connect(context, options);
    const { record, run } = await records.load(namespace, name as string, context.signal);
    const { plan, state } = record;
    const wanted = options.task as readonly string[] | undefined;
    const unknown = wanted?.find((task) => !plan.nodes.some((node) => node.name === task));
    if (unknown !== undefined) {
      const hint = `it has ${plan.nodes.map((node) => node.name).join(', ')}`;
      throw new WaybillError('NotFound', `run ${name} has no task "${unknown}"`, { hint });
    }
    const runtime = kubernetesRuntime(client);
    const steps = plan.groups.flatMap(({ id: group }) =>
      containersOf(plan, group).flatMap(({ container, task: id, step: index }) => {
        const node = plan.nodes[id];
        const pod = state.nodes[id]?.pod;
        const started = (state.nodes[id]?.steps[index]?.phase ?? 'waiting') !== 'waiting';
        if (node === undefined || !pod || !started || (wanted !== undefined && !wanted.includes(node.name))) return [];
        return [{ pod, container, task: node.name, step: node.steps[index]?.name ?? '' }];
      }),
    );
    // Tasks in the order of the plan, one after another: this is read, not watched.
    for (const step of steps) {
      const logs = logPrinter(context, (pod, container, signal) =>
        runtime.logs(run, pod, container, AbortSignal.any([signal, context.signal])),
      );
      logs.follow(step);
      await logs.end();
      if (logs.forbidden() !== undefined) throw logs.forbidden();
    }
    return { data: { name, steps }, text: '' };
  },
};
