import { type Diagnostic, hasErrors, invalidInput, isWaybillError } from 'waybill';
import { mayI } from 'waybill/kube';
import { compile, type Grouping, type Plan, runNameFor } from 'waybill/plan';
import { createResolveContext, type ResolveContext, resolveRun } from 'waybill/resolve';
import { loadPodTemplate, type ParamValue, type PodTemplate } from 'waybill/tekton';
import { parseYaml } from 'waybill/yaml';
import { z } from 'zod';
import type { Connection } from './cluster.ts';
import type { Context, Option, Options } from './command.ts';
import { readText } from './files.ts';
import { readParams, typeParams } from './inputs/params.ts';
import { readWorkspace } from './inputs/workspaces.ts';
import { renderDiagnostic } from './output/diagnostic.ts';
import { CACHE_OPTION, REGISTRY_OPTIONS, storesOf } from './stores.ts';
import { TRUST_OPTIONS, trustFrom } from './trust.ts';

/** Options of commands that resolve references under a policy. */
export const RESOLVE_OPTIONS: readonly Option[] = [
  ...TRUST_OPTIONS,
  { flags: '--frozen', says: 'refuse a tag that points elsewhere than the digest beside it' },
  { flags: '--require-verified', says: 'refuse what no policy verified' },
  ...REGISTRY_OPTIONS,
  CACHE_OPTION,
];

/** Options of commands that compile a run. */
export const RUN_OPTIONS: readonly Option[] = [
  { flags: '-p, --param <name=value>', says: 'a param; repeated for an array, JSON for an object', repeat: true },
  { flags: '--params-file <file>', says: 'YAML or JSON of params by name; -p overrides' },
  {
    flags: '-w, --workspace <binding>',
    says: 'NAME=emptyDir | pvc=CLAIM | claim=5Gi | config=CONFIGMAP | secret=SECRET [,subPath=DIR]',
    repeat: true,
  },
  { flags: '--serviceaccount <name>', says: 'service account of the pods' },
  {
    flags: '--pod-template <file>',
    says: 'YAML or JSON of a pod template: security context, node selector, tolerations …',
  },
  { flags: '--timeout <duration>', says: 'longest duration of the run, like 1h30m; 0 = none' },
  { flags: '--pods <grouping>', says: 'which tasks share a pod; default: task', choices: ['task', 'auto', 'run'] },
  { flags: '--name <name>', says: 'name of the run; default: the name of the object and a random suffix' },
  ...RESOLVE_OPTIONS,
];

/** The context of one run's resolving, as the options want it. */
export const resolveContext = async (context: Context, options: Options): Promise<ResolveContext> => {
  const trust = await trustFrom(context, options);
  return createResolveContext({
    open: storesOf(options, context),
    trust,
    frozen: options.frozen === true,
    requireVerified: options.requireVerified === true,
    signal: context.signal,
  });
};

/** Shows the warnings that resolving and compiling gave. */
const showWarnings = ({ note, colors }: Context, diagnostics: readonly Diagnostic[]): void => {
  for (const diagnostic of diagnostics) note(renderDiagnostic(diagnostic, colors.err), { painted: true });
};

const groupingOf = ({ pods }: Options): Grouping => (pods as Grouping | undefined) ?? 'task';

/**
 * Which tasks share a pod: what the options say, but a pod for each task where our user may not read logs. Results of a pod
 * then come with its status, which has room for those of one task at best.
 */
export const groupingFor = async (
  { note, signal }: Pick<Context, 'note' | 'signal'>,
  options: Options,
  { client, namespace }: Pick<Connection, 'client' | 'namespace'>,
): Promise<Grouping> => {
  const wanted = groupingOf(options);
  if (wanted === 'task') return wanted;
  try {
    const [allowed] = await mayI(client, [{ resource: 'pods/log', verb: 'get' }], { namespace, signal });
    if (allowed !== false) return wanted;
  } catch (error) {
    // Who cannot say what we may do is asked for it later anyway.
    if (!isWaybillError(error)) throw error;
    return wanted;
  }
  note(`LogForbidden: logs may not be read in ${namespace}: --pods task instead of --pods ${wanted}`);
  return 'task';
};

/** A plan for what the command line names, with all that it refers to resolved and verified. */
export const prepare = async (
  context: Context,
  text: string,
  options: Options,
  namespace: string,
  uid: string,
): Promise<Plan> => {
  const resolving = await resolveContext(context, options);
  const { object, tasks } = await resolveRun(text, resolving);
  showWarnings(context, resolving.warnings());
  const specs = object.object.spec.params ?? [];
  const given = { ...(await paramsFile(context, options.paramsFile as string | undefined)) };
  for (const { name, value } of typeParams(readParams((options.param ?? []) as readonly string[]), specs))
    given[name] = value;
  const timeout = options.timeout as string | undefined;
  const serviceAccountName = options.serviceaccount as string | undefined;
  const podTemplate = await podTemplateFile(context, options.podTemplate as string | undefined);
  const { plan, diagnostics } = compile({
    run: {
      kind: object.object.kind === 'Pipeline' ? 'PipelineRun' : 'TaskRun',
      name:
        (options.name as string | undefined) ??
        runNameFor(object.object.metadata.name ?? 'run', suffix(context.random)),
      namespace,
      uid,
      grouping: groupingOf(options),
      params: Object.entries(given).map(([name, value]) => ({ name, value })),
      workspaces: ((options.workspace ?? []) as readonly string[]).map(readWorkspace),
      ...(timeout !== undefined && { timeouts: { pipeline: timeout } }),
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      ...(podTemplate !== undefined && { podTemplate }),
    },
    object,
    tasks,
  });
  if (plan === undefined || hasErrors(diagnostics)) throw invalidInput(diagnostics, text);
  showWarnings(context, diagnostics);
  return plan;
};

/** Letters and digits that cannot be mistaken for each other, as Kubernetes makes names. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

const suffix = (random: () => number): string =>
  Array.from({ length: 5 }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('');

const PARAMS = z.record(z.string(), z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())]));

const podTemplateFile = async ({ stdin }: Context, path: string | undefined): Promise<PodTemplate | undefined> => {
  if (path === undefined) return undefined;
  const { podTemplate, diagnostics } = loadPodTemplate(await readText(path, stdin), path);
  if (podTemplate === undefined) throw invalidInput(diagnostics, path);
  return podTemplate;
};

const paramsFile = async ({ stdin }: Context, path: string | undefined): Promise<Record<string, ParamValue>> => {
  if (path === undefined) return {};
  const text = await readText(path, stdin);
  const { documents, diagnostics } = parseYaml(text, { file: path });
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, path);
  const read = PARAMS.safeParse(documents[0]?.value ?? {});
  if (read.success) return read.data;
  const message =
    'a params file maps names to strings, lists of strings or objects of strings; quote numbers and booleans';
  throw invalidInput(
    [
      {
        code: 'param-type',
        severity: 'error',
        message,
        file: path,
        path: (read.error.issues[0]?.path ?? []) as (string | number)[],
      },
    ],
    path,
  );
};
