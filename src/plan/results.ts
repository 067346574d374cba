import type { Path } from '../core/index.ts';
import { type ResultSpec, type Step, soleExpression } from '../tekton/index.ts';
import { compact } from './compact.ts';
import type { TextCompiler } from './compile-text.ts';
import { typeOfValue } from './params.ts';
import type { Report } from './report.ts';
import { containerName } from './scope.ts';
import type { Value } from './text.ts';
import type { PlanResult } from './types.ts';

/** A result of a Task: the file that its steps write, or a step's result, taken as a whole. */
export const compileResult = (
  { name, type, properties, value }: ResultSpec,
  steps: readonly Pick<Step, 'name' | 'results'>[],
  compiler: TextCompiler,
  path: Path,
  report: Report,
): PlanResult => {
  const at = [...path, 'value'];
  const compiled = value === undefined ? undefined : (wholeStepResult(value, steps) ?? compiler.value(value, at));
  if (compiled !== undefined && typeOfValue(compiled) !== type) {
    report('result-type', `result "${name}" is ${type}, and its value is ${typeOfValue(compiled)}`, at);
  }
  return compact<PlanResult>({
    name,
    type,
    value: compiled,
    properties: properties === undefined ? undefined : Object.keys(properties).sort(),
  });
};

/** `$(steps.s.results.r)` alone is the result as it is, whatever its type; everywhere else an array would need `[*]`. */
const wholeStepResult = (
  source: NonNullable<ResultSpec['value']>,
  steps: readonly Pick<Step, 'name' | 'results'>[],
): Value | undefined => {
  const variable = typeof source === 'string' ? soleExpression(source)?.variable : undefined;
  if (variable?.kind !== 'step-result' || variable.access !== undefined) return undefined;
  const step = steps.findIndex((candidate, index) => containerName(candidate, index) === `step-${variable.step}`);
  const spec = steps[step]?.results?.find(({ name }) => name === variable.result);
  if (spec === undefined) return undefined;
  const { name: result } = spec;
  switch (spec.type) {
    case 'string':
      return { kind: 'string', text: [{ step, result }] };
    case 'array':
      return { kind: 'array', items: [{ splat: { step, result } }] };
    case 'object': {
      const keys = Object.keys(spec.properties ?? {});
      return { kind: 'object', entries: Object.fromEntries(keys.map((key) => [key, [{ step, result, key }]])) };
    }
  }
};
