import { type Diagnostic, hasErrors, WaybillError } from '../core/index.ts';
import type { Pipeline, Task } from '../tekton/index.ts';
import { compilePipeline } from './compile-pipeline.ts';
import { compileTask } from './compile-task.ts';
import { completeValue, isMissing } from './complete.ts';
import { groupNodes } from './grouping.ts';
import type { Compiled, CompileInput, ResolvedObject } from './input.ts';
import { isRunName, RUN_NAME_LIMIT } from './names.ts';
import type { Params } from './params.ts';
import { collector, type Report } from './report.ts';
import { checkTemplateVolumes } from './reserved.ts';
import { podKey, soloReasons } from './solo.ts';
import type { Plan } from './types.ts';

/**
 * Compiles a run of a Task or Pipeline whose references are resolved. Pure: the same input gives the same plan, byte
 * for byte as canonical JSON. Findings are data; with an error among them there is no plan.
 */
export const compile = (input: CompileInput): Compiled => {
  const { reportFor, diagnostics } = collector();
  const report = reportFor();
  const { run } = input;
  checkName(run.name, report);
  checkTemplateVolumes(run, report);
  if (isPipeline(input.object) !== (run.kind === 'PipelineRun')) {
    throw new WaybillError('Internal', `a ${run.kind} of a ${input.object.object.kind}`);
  }
  const draft = isPipeline(input.object)
    ? compilePipeline({ ...input, pipeline: input.object }, reportFor)
    : compileTask(run, input.object as ResolvedObject<Task>, report);
  if (draft === undefined || hasErrors(diagnostics)) return { diagnostics: sorted(diagnostics) };
  const { nodes, params, ...rest } = draft;
  const { labels, annotations } = input.object.object.metadata;
  const plan: Plan = {
    version: 1,
    kind: run.kind,
    name: run.name,
    namespace: run.namespace,
    source: input.object.source,
    params: knownParams(params),
    nodes,
    groups: groupNodes(
      nodes.map((node) => ({
        needs: node.needs,
        finally: node.finally,
        key: podKey(node),
        solo: soloReasons(node),
      })),
      run.grouping,
    ),
    ...rest,
    labels: { ...labels, ...run.labels },
    annotations: { ...withoutLastApplied(annotations ?? {}), ...run.annotations },
  };
  return { plan, diagnostics: sorted(diagnostics) };
};

const isPipeline = (resolved: CompileInput['object']): resolved is ResolvedObject<Pipeline> =>
  resolved.object.kind === 'Pipeline';

const checkName = (name: string, report: Report): void => {
  if (isRunName(name)) return;
  report('bad-name', `a run's name is at most ${RUN_NAME_LIMIT} lower-case letters, digits and dashes`, [
    'metadata',
    'name',
  ]);
};

const knownParams = (params: Params): Plan['params'] =>
  [...params].flatMap(([name, value]) => {
    const known = completeValue(value, { result: () => undefined });
    return isMissing(known) ? [] : [{ name, value: known }];
  });

const withoutLastApplied = ({
  'kubectl.kubernetes.io/last-applied-configuration': _,
  ...annotations
}: Readonly<Record<string, string>>) => annotations;

const sorted = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] => [
  ...diagnostics.filter(({ severity }) => severity === 'error'),
  ...diagnostics.filter(({ severity }) => severity === 'warning'),
];
