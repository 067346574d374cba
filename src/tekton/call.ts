import type { Path } from '../core/index.ts';
import { typeOfValue } from './defaults.ts';
import type { Found } from './finding.ts';
import { didYouMean } from './nearest.ts';
import type { Shape } from './scope.ts';
import type { Param, ParamSpec, ParamValue } from './types.ts';
import { soleExpression } from './variables.ts';

/** Params given to something that declares params. */
export interface Call {
  readonly specs: readonly ParamSpec[] | undefined;
  readonly given: readonly Param[] | undefined;
  /** Who is called, for messages: `Task "build"`. */
  readonly subject: string;
  /** Path of what calls; `params` is below it. */
  readonly path: Path;
  /** Params that come from around an embedded spec. */
  readonly propagated?: ReadonlyMap<string, Shape>;
  /** Whether params that are not declared are told of: Tekton passes them over. */
  readonly strict?: boolean;
}

/**
 * Whether the params of a call fit: `missing-param`, `param-type`, `missing-key`, and as a warning `unknown-param`,
 * since Tekton ignores a param that nobody declared.
 */
export const checkCall = ({ specs = [], given = [], subject, path, propagated, strict = true }: Call): Found[] => {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const names = new Set(given.map(({ name }) => name));
  const missing = specs.filter(
    ({ name, default: fallback }) => fallback === undefined && !names.has(name) && propagated?.has(name) !== true,
  );
  return [
    ...missing.map(
      ({ name, type }): Found => ({
        code: 'missing-param',
        severity: 'error',
        path,
        message: `${subject} needs the param "${name}" (${type})`,
      }),
    ),
    ...given.flatMap((param, index): Found[] => {
      const at = [...path, 'params', index];
      const spec = byName.get(param.name);
      if (spec !== undefined) return checkValue(spec, param.value, subject, [...at, 'value']);
      if (!strict) return [];
      return [
        {
          code: 'unknown-param',
          severity: 'warning',
          path: [...at, 'name'],
          message: `${subject} has no param "${param.name}"`,
          ...didYouMean(param.name, [...byName.keys()]),
        },
      ];
    }),
  ];
};

const checkValue = (spec: ParamSpec, value: ParamValue, subject: string, path: Path): Found[] => {
  const type = typeOfParamValue(value);
  const error = (code: string, message: string): Found[] => [{ code, severity: 'error', path, message }];
  if (type !== undefined && type !== spec.type) {
    return error('param-type', `param "${spec.name}" of ${subject} is ${spec.type}, and ${type} is given`);
  }
  if (spec.type !== 'object' || typeof value === 'string') return [];
  const fallback = spec.default;
  const known = fallback !== undefined && typeof fallback !== 'string' && !Array.isArray(fallback) ? fallback : {};
  const lacking = Object.keys(spec.properties ?? {}).filter(
    (key) => !Object.hasOwn(value, key) && !Object.hasOwn(known, key),
  );
  if (lacking.length === 0) return [];
  return error('missing-key', `param "${spec.name}" of ${subject} lacks the keys ${lacking.join(', ')}`);
};

/** The type of a value that may stand for another: `$(params.list[*])` alone can be an array or an object. */
const typeOfParamValue = (value: ParamValue): ParamSpec['type'] | undefined => {
  if (typeof value !== 'string') return typeOfValue(value);
  const variable = soleExpression(value)?.variable;
  if (variable === undefined) return 'string';
  switch (variable.kind) {
    case 'param':
      return variable.access === undefined || variable.access.kind === 'whole' ? undefined : 'string';
    case 'task-result':
    case 'step-result':
      return variable.access?.kind === 'whole' ? undefined : 'string';
    default:
      return 'string';
  }
};

/** The shapes of given params, by name: what an embedded spec sees of them. */
export const shapesOfParams = (params: readonly Param[] | undefined): ReadonlyMap<string, Shape> =>
  new Map(
    params?.map(({ name, value }): [string, Shape] => {
      const type = typeOfParamValue(value);
      return [name, type === undefined ? {} : { type }];
    }),
  );
