import { randomUUID } from 'node:crypto';
import { WaybillError } from 'waybill';
import { newRecord, type RunRecord } from 'waybill/record';
import { type HeldRecord, type NamespaceLimits, namespaceLimits } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, type Connection, connect, takeOver } from '../cluster.ts';
import { type Command, type Context, givenOf, type Option, type Options, type Outcome } from '../command.ts';
import { driveRun } from '../drive.ts';
import { holderName } from '../holder.ts';
import { runOutput, runSummary } from '../output/run.ts';
import { verdictText } from '../output/verdict.ts';
import { groupingFor, prepare, RUN_OPTIONS } from '../prepare.ts';
import { askRights } from '../rights.ts';
import { runName } from '../run-name.ts';

/** The condition `Succeeded` and the results are what most readers want; the rest is as Tekton fills it. */
const RUN = z.looseObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.enum(['TaskRun', 'PipelineRun']),
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string() }),
  status: z.looseObject({
    conditions: z.array(
      z.looseObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }),
    ),
  }),
});

/** What decides how a run starts; its record has it from then on. None has a default, so that what is given can be told. */
const START_OPTIONS: readonly Option[] = [
  ...RUN_OPTIONS,
  { flags: '--runtime <name>', says: 'what starts the pods; default: kubernetes', choices: ['kubernetes'] },
  {
    flags: '--agent-image <image>',
    says: "the agent's image, as the cluster's nodes pull it; default: WAYBILL_AGENT_IMAGE",
  },
  { flags: '--dry-run', says: 'resolve, verify and compile, and start nothing' },
];

export const command: Command = {
  arguments: [{ name: '[ref-or-path]', says: 'a Task or Pipeline: a reference, a file or a folder' }],
  options: [
    ...START_OPTIONS,
    { flags: '--resume <run>', says: 'go on with a run whose driver is gone, as its record says' },
    ...CLUSTER_OPTIONS,
  ],
  example: 'waybill run registry.example/ci/release:1.4.0#pipeline/release -p version=1.4.0 -w source=claim=1Gi',
  output: RUN,
  run: async (context, [text], options) => {
    const resumed = resumedRun(text, options);
    const connection = await connect(context, options);
    try {
      return await (resumed === undefined
        ? start(context, connection, text, options)
        : resume(context, connection, resumed));
    } finally {
      await connection.client.close();
    }
  },
};

/** The run to go on with, if one is named. Throws `Usage` where something is given beside it that its record decides. */
const resumedRun = (text: string | readonly string[] | undefined, options: Options): string | undefined => {
  if (options.resume === undefined) return undefined;
  const given = [...(text === undefined ? [] : [String(text)]), ...givenOf(START_OPTIONS, options)];
  if (given.length === 0) return runName(options.resume as string);
  throw new WaybillError('Usage', `--resume does not go with ${given.join(', ')}`, {
    hint: 'a run that goes on does what its record says; leave them out, or start another run without --resume',
  });
};

const start = async (
  context: Context,
  connection: Connection,
  text: string | readonly string[] | undefined,
  options: Options,
): Promise<Outcome> => {
  if (typeof text !== 'string')
    throw new WaybillError('Usage', 'nothing to run', { hint: 'name a reference, a file or a folder' });
  const agentImage = (options.agentImage as string | undefined) ?? context.env.WAYBILL_AGENT_IMAGE;
  if (!agentImage) {
    throw new WaybillError('Usage', 'no agent image is known', {
      hint: 'name it with --agent-image or WAYBILL_AGENT_IMAGE; docs/runs.md says how to build and push it',
    });
  }
  const uid = randomUUID();
  const demandRights = options.dryRun === true ? undefined : askRights(context, connection);
  // Asked for now, so that no pod waits for the answer.
  const limits = options.dryRun === true ? undefined : namespaceLimits(connection.client, connection.namespace);
  const pods = options.dryRun === true ? options.pods : await groupingFor(context, options, connection);
  const plan = await prepare(context, text, { ...options, pods }, connection.namespace, uid);
  context.note(`${plan.source.kind} ${plan.source.name} as run ${plan.name}: ${verdictText(plan.source.verdict)}`);
  const record = newRecord(plan, { uid, createdAt: connection.clock.now(), agentImage });
  if (options.dryRun === true) return outcome(record, record.state);
  await demandRights?.(makesClaims(plan));
  context.hangup?.throwIfAborted();
  const held = await connection.records.create(record, { holder: holderName(), signal: context.signal });
  return finish(context, connection, held, record, limits);
};

const resume = async (context: Context, connection: Connection, name: string): Promise<Outcome> => {
  const demandRights = askRights(context, connection);
  // A driver that may not start pods would end the run with a failure that is none of the run's.
  const { record: found } = await connection.records.load(connection.namespace, name, context.signal);
  await demandRights(makesClaims(found.plan));
  const { held, record } = await takeOver(context, connection, name);
  context.note(`${name}: resumed as driver ${held.run.epoch}`);
  return finish(context, connection, held, record);
};

const makesClaims = ({ workspaces }: RunRecord['plan']): boolean => workspaces.some(({ kind }) => kind === 'template');

const finish = async (
  context: Context,
  { client, clock }: Connection,
  held: HeldRecord,
  record: RunRecord,
  limits?: NamespaceLimits,
): Promise<Outcome> => outcome(record, await driveRun(context, { client, clock, held, record, limits }));

const outcome = (record: RunRecord, state: RunRecord['state']): Outcome => ({
  data: runOutput(record, state),
  text: runSummary(record, state),
  exitCode: state.condition?.status === 'False' ? (state.cancel === null ? 1 : 130) : 0,
});
