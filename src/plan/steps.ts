import { type Path, parseDuration } from '../core/index.ts';
import type { Step } from '../tekton/index.ts';
import { compact } from './compact.ts';
import { type TextCompiler, textCompiler } from './compile-text.ts';
import { settledText } from './complete.ts';
import type { ParamLookup } from './params.ts';
import { compilePart, refuseStepResults } from './parts.ts';
import type { Report } from './report.ts';
import { containerName, type TaskContext, taskScope } from './scope.ts';
import type { Text } from './text.ts';
import type { PlanEnv, PlanStep } from './types.ts';

/** Compiles one step, its template already merged in. Paths of findings start at the step. */
export const compileStep = (
  step: Step,
  index: number,
  params: ParamLookup,
  context: TaskContext,
  report: Report,
): PlanStep => {
  refuseUnsupported(step, report);
  const compiler = textCompiler(taskScope(params, { ...context, step: index }), report);
  const environment = new Set(step.env?.map(({ name }) => name));
  const image = compiler.text(step.image ?? '', ['image']);
  if (image.length === 0) report('missing-image', `step "${stepNameOf(step, index)}" has no image`, ['image']);
  refuseStepResults(image, ['image'], report);
  const workingDir = step.workingDir === undefined ? [] : compiler.text(step.workingDir, ['workingDir']);
  const hasScript = step.script !== undefined && step.script !== '';
  if (!hasScript && (step.command ?? []).length === 0) {
    report(
      'unsupported-step',
      'a step without script and command (the entrypoint of its image) is not supported yet',
      [],
    );
  }
  const command = hasScript ? [] : compiler.items(step.command ?? [], ['command'], environment);
  const args = compiler.items(step.args ?? [], ['args'], environment);
  const env = compileEnv(step, compiler, report);
  refuseNul(image, ['image'], report);
  refuseNul(workingDir, ['workingDir'], report);
  for (const [field, items] of [['command', command] as const, ['args', args] as const]) {
    for (const item of items) if ('text' in item) refuseNul(item.text, [field], report);
  }
  for (const [at, entry] of env.entries()) if ('value' in entry) refuseNul(entry.value, ['env', at, 'value'], report);
  return compact<PlanStep>({
    name: stepNameOf(step, index),
    displayName: step.displayName,
    image,
    script: hasScript ? compiler.text(step.script ?? '', ['script']) : undefined,
    command,
    args,
    workingDir: workingDir.length === 0 ? undefined : workingDir,
    env,
    volumeMounts: (step.volumeMounts ?? []).map((mount, at) =>
      compilePart(mount, compiler, ['volumeMounts', at], report),
    ),
    imagePullPolicy: oneOf(PULL, step.imagePullPolicy, compiler, ['imagePullPolicy'], report),
    securityContext: step.securityContext,
    computeResources: step.computeResources,
    timeout: durationOf(step.timeout, ['timeout'], report) ?? 0,
    onError: oneOf(ON_ERROR, step.onError, compiler, ['onError'], report) ?? 'stopAndFail',
    results: (step.results ?? []).map(({ name, type }) => ({ name, type })),
  });
};

/** No program can be given one: its arguments and environment end there. A result that holds one fails its step. */
const refuseNul = (text: Text, path: Path, report: Report): void => {
  if (text.some((segment) => typeof segment === 'string' && segment.includes('\0'))) {
    report('bad-value', 'holds a NUL character, which no program can be given', path);
  }
};

const PULL = ['Always', 'IfNotPresent', 'Never'] as const;
/** What `onError` may say, for steps and for tasks. */
export const ON_ERROR = ['continue', 'stopAndFail'] as const;

/** A text that must be one of a few words when the plan is made; empty counts as absent. */
export const oneOf = <T extends string>(
  words: readonly T[],
  source: string | undefined,
  compiler: TextCompiler,
  path: Path,
  report: Report,
): T | undefined => {
  if (source === undefined || source === '') return undefined;
  const text = settledText(compiler.text(source, path));
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) report('bad-value', `must be one of ${words.join(', ')} when the run starts`, path);
  return word;
};

/** Milliseconds of a duration in a file; undefined where there is none or where it is none (`bad-duration`). */
export const durationOf = (source: string | undefined, path: Path, report: Report): number | undefined => {
  if (source === undefined || source === '') return undefined;
  try {
    const milliseconds = parseDuration(source);
    if (milliseconds >= 0) return milliseconds;
  } catch {
    // Reported below, as a finding with a place.
  }
  report('bad-duration', `"${source}" is no duration such as 1h30m or 90s`, path);
  return undefined;
};

const stepNameOf = (step: Step, index: number): string => containerName(step, index).slice('step-'.length);

const refuseUnsupported = (step: Step, report: Report): void => {
  for (const field of ['ref', 'envFrom', 'params'] as const) {
    const value = step[field];
    const empty = value === undefined || (Array.isArray(value) && value.length === 0);
    if (!empty) report('unsupported-field', `${field} of a step is not supported yet`, [field]);
  }
};

/** An entry sees the ones before it, as in Kubernetes. */
const compileEnv = ({ env = [] }: Step, compiler: TextCompiler, report: Report): PlanEnv[] => {
  const before = new Set<string>();
  return env.map(({ name, value, valueFrom }, index) => {
    const path = ['env', index];
    const entry: PlanEnv =
      valueFrom === undefined
        ? { name, value: compiler.text(value ?? '', [...path, 'value'], before) }
        : { name, valueFrom: compilePart(valueFrom, compiler, [...path, 'valueFrom'], report) };
    before.add(name);
    return entry;
  });
};
