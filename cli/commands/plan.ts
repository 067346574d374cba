import { randomUUID } from 'node:crypto';
import { formatDuration } from 'waybill';
import { describePlan } from 'waybill/plan';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { verdictText } from '../output/verdict.ts';
import { prepare, RUN_OPTIONS } from '../prepare.ts';

const source = z.looseObject({
  kind: z.string(),
  name: z.string(),
  uri: z.string().optional(),
  digest: z.string().optional(),
});

export const command: Command = {
  arguments: [{ name: '<ref-or-path>', says: 'a Task or Pipeline: a reference, a file or a folder' }],
  options: [...RUN_OPTIONS, { flags: '-n, --namespace <name>', says: 'namespace of the run', default: 'default' }],
  example: 'waybill plan ./fixtures/release --pods run -w source=claim=1Gi',
  output: z.object({
    kind: z.string(),
    name: z.string(),
    namespace: z.string(),
    digest: z.string(),
    source,
    pods: z.array(
      z.object({
        id: z.number(),
        needs: z.array(z.number()),
        reasons: z.array(z.string()),
        tasks: z.array(
          z.object({
            id: z.number(),
            name: z.string(),
            finally: z.boolean(),
            needs: z.array(z.string()),
            conditional: z.boolean(),
            retries: z.number(),
            timeout: z.number(),
            source,
            steps: z.array(z.object({ name: z.string(), image: z.string() })),
          }),
        ),
      }),
    ),
  }),
  run: async (context, [text], options) => {
    const plan = await prepare(context, text as string, options, options.namespace as string, randomUUID());
    const data = describePlan(plan);
    const lines = [`${data.source.kind} ${data.source.name} as run ${data.name}: ${verdictText(data.source.verdict)}`];
    for (const { id, needs, reasons, tasks } of data.pods) {
      lines.push(
        '',
        `pod ${id}${needs.length > 0 ? `, after ${needs.map((need) => `pod ${need}`).join(' and ')}` : ''}`,
      );
      for (const reason of reasons) lines.push(`  # ${reason}`);
      for (const task of tasks) {
        const marks = [
          ...(task.finally ? ['finally'] : []),
          ...(task.needs.length > 0 ? [`needs ${task.needs.join(', ')}`] : []),
          ...(task.conditional ? ['when'] : []),
          ...(task.retries > 0 ? [`retries ${task.retries}`] : []),
          ...(task.timeout > 0 ? [`timeout ${formatDuration(task.timeout)}`] : []),
        ];
        lines.push(`  ${task.name}${marks.length > 0 ? `: ${marks.join('; ')}` : ''}`);
        for (const step of task.steps) lines.push(`    ${step.name}  ${step.image}`);
      }
    }
    return { data, text: lines.join('\n') };
  },
};
