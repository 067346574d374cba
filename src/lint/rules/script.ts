import { expressionsIn, type ParamSpec, type TektonObject } from '../../tekton/index.ts';
import { allContainersOf, taskSpecsOf } from '../parts.ts';
import type { Flaw, Rule } from '../types.ts';

/** Params whose every value is known and harmless to a shell. */
const enumerated = (object: TektonObject): ReadonlySet<string> => {
  const own = 'params' in object.spec ? ((object.spec.params ?? []) as readonly ParamSpec[]) : [];
  const all = [...own, ...taskSpecsOf(object).flatMap(({ spec }) => spec.params ?? [])];
  const safe = all.filter(({ enum: values }) => values?.every((value) => /^[\w.,:/@%+=-]*$/.test(value)));
  return new Set(safe.map(({ name }) => name));
};

export const paramInScript: Rule = {
  code: 'param-in-script',
  severity: 'warning',
  why: 'Its value becomes part of the program before a shell reads it: a value such as `\'; rm -rf /` runs. Give it to the step as an environment variable and use that, in quotes: `env: [{name: REVISION, value: $(params.revision)}]` and `"$REVISION"`. A param whose `enum` lists harmless values is no finding.',
  check: ({ object }) => {
    const safe = enumerated(object);
    return allContainersOf(object).flatMap(({ container: { script = '' }, path }) => {
      const told = new Set<string>();
      return expressionsIn(script).flatMap(({ expression, variable }): Flaw[] => {
        const isValue =
          (variable.kind === 'param' && !safe.has(variable.name)) ||
          variable.kind === 'task-result' ||
          variable.kind === 'step-result';
        if (!isValue || told.has(expression)) return [];
        told.add(expression);
        return [
          {
            path: [...path, 'script'],
            within: `$(${expression})`,
            message: `the value of $(${expression}) becomes part of the script`,
            hint: 'give it to the step as an environment variable, and use that in quotes',
          },
        ];
      });
    });
  },
};

export const literalPath: Rule = {
  code: 'literal-path',
  severity: 'warning',
  why: "Where results lie is Tekton's to decide, and no reader sees that a result is meant. `$(results.NAME.path)` is the same path.",
  check: ({ object }) =>
    taskSpecsOf(object).flatMap(({ spec, path }) =>
      spec.steps.flatMap(({ script = '' }, index) =>
        (spec.results ?? []).flatMap(({ name }): Flaw[] => {
          const literal = `/tekton/results/${name}`;
          const at = script.indexOf(literal);
          if (at < 0 || /[\w.-]/.test(script[at + literal.length] ?? '')) return [];
          const instead = `$(results.${name}.path)`;
          return [
            {
              path: [...path, 'steps', index, 'script'],
              within: literal,
              message: `${literal} is the path of the result "${name}"`,
              hint: `write ${instead}`,
              instead,
            },
          ];
        }),
      ),
    ),
};
