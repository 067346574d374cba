import { podsOf, type RecordSummary, type RunPod } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, type Connection, connect } from '../cluster.ts';
import type { Command, Context, Outcome } from '../command.ts';
import { holderText } from '../holder.ts';
import { age } from '../output/age.ts';
import { failureLines } from '../output/run.ts';
import { table } from '../output/table.ts';
import { runName } from '../run-name.ts';

const RUN = z.object({
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
});

/** What is said of a run that is named. */
const DETAILS = z.object({
  message: z.string(),
  cancel: z.string().nullable().describe('the wish to cancel it, as Tekton names it'),
  driver: z.object({
    holder: z.string().describe('empty where nobody drives it'),
    epoch: z.int().describe('counts its drivers'),
    renewed: z.string(),
    alive: z.boolean(),
  }),
  tasks: z.array(
    z.object({
      name: z.string(),
      phase: z.string(),
      reason: z.string(),
      message: z.string(),
      pod: z.string().nullable(),
      retries: z.int(),
      started: z.string().optional(),
      finished: z.string().optional(),
    }),
  ),
  pods: z.array(
    z.object({
      name: z.string(),
      phase: z.string(),
      node: z.string().nullable(),
      tasks: z.array(z.string()),
      attempt: z.int(),
    }),
  ),
});

type Run = z.output<typeof RUN>;
type Details = z.output<typeof DETAILS>;

export const command: Command = {
  arguments: [{ name: '[run]', says: 'only this one, with its driver, tasks and pods' }],
  options: CLUSTER_OPTIONS,
  example: 'waybill runs -n ci\nwaybill runs -n ci release-x7k2p',
  output: z.object({ runs: z.array(RUN.extend({ details: DETAILS.optional() })) }),
  run: async (context, [text], options) => {
    const name = text === undefined ? undefined : runName(text as string);
    const connection = await connect(context, options, 'viewer');
    return name === undefined ? list(context, connection) : show(context, connection, name);
  },
};

const list = async (context: Context, { records, namespace, clock }: Connection): Promise<Outcome> => {
  const runs = (await records.list(namespace, context.signal)).map(runOf);
  const rows = runs.map((run) => [
    run.name,
    run.source,
    statusOf(run),
    age(run.started ?? run.created, clock.now()),
    run.started && run.finished ? age(run.started, Date.parse(run.finished)) : '',
  ]);
  return {
    data: { runs },
    text:
      runs.length === 0
        ? `no runs in namespace ${namespace}`
        : table(['name', 'source', 'status', 'age', 'duration'], rows),
  };
};

const show = async (context: Context, connection: Connection, name: string): Promise<Outcome> => {
  const { client, records, namespace, clock } = connection;
  const summary = await records.look(namespace, name, context.signal);
  const { record, run, cancel } = await records.load(namespace, name, context.signal);
  const pods = await podsOf(client, run, context.signal);
  const { plan, state } = record;
  const { lease, driverAlive } = summary;
  const tasksOf = ({ group }: RunPod): readonly string[] =>
    (plan.groups[group]?.nodes ?? []).map((id) => plan.nodes[id]?.name ?? '');
  const details: Details = {
    message: state.condition?.message ?? '',
    cancel,
    driver: { holder: lease.holder, epoch: lease.epoch, renewed: iso(lease.renewed), alive: driverAlive },
    tasks: state.nodes.map((node, id) => ({
      name: plan.nodes[id]?.name ?? '',
      phase: node.phase,
      reason: node.reason,
      message: node.message,
      pod: node.pod,
      retries: node.retries.length,
      ...(node.startedAt !== null && { started: iso(node.startedAt) }),
      ...(node.finishedAt !== null && { finished: iso(node.finishedAt) }),
    })),
    pods: pods.map((pod) => ({
      name: pod.name,
      phase: pod.phase,
      node: pod.node,
      tasks: [...tasksOf(pod)],
      attempt: pod.attempt,
    })),
  };
  const shown = { ...runOf(summary), details };
  return { data: { runs: [shown] }, text: textOf(shown, details, clock.now()) };
};

const textOf = (run: Run, { message, cancel, driver, tasks, pods }: Details, now: number): string => {
  const said = `renewed ${age(driver.renewed, now)} ago`;
  const facts = [
    ['status', message === '' ? statusOf(run) : `${statusOf(run)}: ${message}`],
    ['source', `${run.kind} of ${run.source}`],
    [
      'driver',
      driver.holder === '' ? 'none' : `${holderText(driver.holder)}, ${driver.alive ? said : `gone, ${said}`}`,
    ],
    ['drivers', `${driver.epoch} so far`],
    ...(cancel === null ? [] : [['cancel', cancel]]),
  ];
  const since = ({ started }: { readonly started?: string | undefined }): string => (started ? age(started, now) : '');
  return [
    table(['run', run.name], facts),
    '',
    table(
      ['task', 'status', 'started', 'pod'],
      tasks.map((task) => [task.name, task.reason || task.phase, since(task), task.pod ?? '']),
    ),
    // A TaskRun's own message says it.
    ...failureLines(run.kind === 'TaskRun' ? [] : tasks),
    ...(pods.length === 0
      ? []
      : [
          '',
          table(
            ['pod', 'status', 'node', 'attempt'],
            pods.map((pod) => [pod.name, pod.phase, pod.node ?? '', String(pod.attempt)]),
          ),
        ]),
  ].join('\n');
};

const runOf = ({ name, namespace, annotations, driverAlive }: RecordSummary): Run => {
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
};

/** A run that nobody drives does not go on by itself. */
const statusOf = ({ status, reason, driven }: Run): string =>
  status === 'Unknown' && !driven ? `${reason} (no driver)` : reason;

const iso = (time: number): string => new Date(time).toISOString();
