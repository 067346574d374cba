import { isWaybillError } from 'waybill';
import { type LogReport, sleep } from 'waybill/kube';
import { kubernetesRuntime, podsOf, readLog } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, type Connection, connect } from '../cluster.ts';
import type { Command, Context } from '../command.ts';
import { logPrinter, type StepLog } from '../output/logs.ts';
import { runName } from '../run-name.ts';
import { checkTasks, stepsIn } from '../steps.ts';

/** How often it is looked for new pods, and whether the run is over. */
const LOOK_MS = 1500;

type Loaded = Awaited<ReturnType<Connection['records']['load']>>;
type Tasks = readonly string[] | undefined;

export const command: Command = {
  arguments: [{ name: '<run>', says: 'name of a run' }],
  options: [
    { flags: '-t, --task <name>', says: 'only this task', repeat: true },
    { flags: '-f, --follow', says: 'go on until the run is over, or nothing of it runs any more' },
    ...CLUSTER_OPTIONS,
  ],
  example: 'waybill logs release-x7k2p --task build --follow',
  output: z.object({
    name: z.string(),
    steps: z.array(z.object({ pod: z.string(), container: z.string(), task: z.string(), step: z.string() })),
  }),
  run: async (context, [text], options) => {
    const name = runName(text as string);
    const connection = await connect(context, options, 'viewer');
    const loaded = await connection.records.load(connection.namespace, name, context.signal);
    const tasks = options.task as Tasks;
    checkTasks(loaded.record, tasks);
    const show = options.follow === true ? follow : read;
    return { data: { name, steps: await show(context, connection, loaded, tasks) }, text: '' };
  },
};

/** What there is now: tasks in the order of the plan, one after another. Steps that have not begun have nothing to say. */
const read = async (
  context: Context,
  { client }: Connection,
  { record, run }: Loaded,
  tasks: Tasks,
): Promise<readonly StepLog[]> => {
  const shown: StepLog[] = [];
  for (const { began: known, ...step } of stepsIn(record, await podsOf(client, run, context.signal), tasks)) {
    let began = known;
    const logs = logPrinter(context, async function* (pod, container, { signal, report }) {
      const how = {
        signal: AbortSignal.any([signal, context.signal]),
        // A step that has not begun has no log that could be read.
        report: (said: LogReport): void => {
          if (began || said.kind !== 'unread') report(said);
        },
      };
      for await (const line of readLog(client, run, pod, container, how)) {
        began = true;
        yield line;
      }
    });
    logs.follow(step);
    await logs.end();
    context.signal.throwIfAborted();
    if (logs.forbidden() !== undefined) throw logs.forbidden();
    if (began) shown.push(step);
  }
  return shown;
};

/**
 * All that comes, whoever drives the run, until it is over. Where nobody drives it, what runs is followed to its end: nothing
 * new is started then.
 */
const follow = async (
  context: Context,
  { client, records, namespace }: Connection,
  { record, run }: Loaded,
  tasks: Tasks,
): Promise<readonly StepLog[]> => {
  const { signal } = context;
  const runtime = kubernetesRuntime(client);
  const logs = logPrinter(context, (pod, container, { signal: over, report }) =>
    runtime.logs(run, pod, container, { signal: AbortSignal.any([over, signal]), report }),
  );
  const shown = new Map<string, StepLog>();
  for (;;) {
    // Looked at before the pods: what a run has come to when it is over has been started then.
    const state = await records.look(namespace, record.name, signal).catch((error: unknown) => {
      if (isWaybillError(error, 'RunNotFound')) return undefined;
      throw error;
    });
    const pods = await podsOf(client, run, signal);
    for (const { began: _, ...step } of stepsIn(record, pods, tasks)) {
      shown.set(`${step.pod}/${step.container}`, step);
      logs.follow(step);
    }
    if (logs.forbidden() !== undefined) throw logs.forbidden();
    if (state === undefined || state.finished !== null) break;
    if (!state.driverAlive && pods.every(({ ended }) => ended)) {
      context.note(`${record.name}: nobody drives it; go on with: waybill run --resume ${record.name}`);
      break;
    }
    await sleep(LOOK_MS, signal);
  }
  await logs.end();
  return [...shown.values()];
};
