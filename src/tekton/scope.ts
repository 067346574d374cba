import { didYouMean } from './nearest.ts';
import type { Slot } from './texts.ts';
import type { ParamSpec, ParamType, ResultSpec } from './types.ts';
import type { Access, Expression, Variable } from './variables.ts';

/** What is known of a param or result: its type, and the keys of an object. Nothing is known of a late one. */
export interface Shape {
  readonly type?: ParamType;
  readonly keys?: readonly string[];
}

export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint?: string;
  /** Tekton lets it pass, though it will not work here: it stops a run, and is a warning otherwise. */
  readonly tolerated?: true;
}

/** Judges one expression: what is wrong with it where it stands, if anything. */
export type Scope = (expression: Expression, slot: Slot) => Problem | undefined;

/** The shape that a spec declares. */
const shapeOf = ({ type, properties }: Pick<ParamSpec | ResultSpec, 'type' | 'properties'>): Shape => ({
  type,
  ...(properties === undefined ? {} : { keys: Object.keys(properties) }),
});

/** Shapes by name, of specs. */
export const shapesOf = (specs: readonly (ParamSpec | ResultSpec)[] | undefined): ReadonlyMap<string, Shape> =>
  new Map(specs?.map((spec) => [spec.name, shapeOf(spec)]));

export const problem = (code: string, message: string, hint: { hint?: string } = {}): Problem => ({
  code,
  severity: 'error',
  message,
  ...hint,
});

/** A variable that is left as it is, most likely not what was meant. */
export const leftAlone = ({ expression }: Expression, why: string): Problem => ({
  code: 'unknown-variable',
  severity: 'warning',
  message: `$(${expression}) is no variable here and stays as it is: ${why}`,
});

export const unsupportedVariable = ({ expression }: Expression): Problem =>
  tolerated(problem('unsupported-variable', `$(${expression}) is not supported yet`));

/** A problem that Tekton lets pass. */
export const tolerated = (found: Problem): Problem => ({ ...found, tolerated: true });

type Named = Extract<Variable, { kind: 'param' }>;

/** A use of `$(params.…)`. A param whose name has dots is found by its plain spelling too, as in Tekton. */
export const checkParam = (variable: Named, params: ReadonlyMap<string, Shape>, slot: Slot): Problem | undefined => {
  const { name, access } = reached(variable.name, variable.access, (candidate) => params.has(candidate));
  const shape = params.get(name);
  if (shape === undefined) {
    return problem(
      'unknown-param',
      `there is no param "${variable.name}"`,
      didYouMean(variable.name, [...params.keys()]),
    );
  }
  return checkAccess({ subject: `param "${name}"`, code: 'param-type', shape, access, slot });
};

/** A name and how it is reached into, where what looks like a key may belong to a name with dots. */
export const reached = (
  name: string,
  access: Access | undefined,
  exists: (name: string) => boolean,
): { readonly name: string; readonly access: Access | undefined } => {
  if (access?.kind !== 'key') return { name, access };
  const parts = access.key.split('.');
  for (let length = parts.length; length > 0; length -= 1) {
    const dotted = [name, ...parts.slice(0, length)].join('.');
    const key = parts.slice(length).join('.');
    if (exists(dotted)) return { name: dotted, access: key === '' ? undefined : { kind: 'key', key } };
  }
  return { name, access };
};

export interface Use {
  /** What is used, for messages: `param "x"`. */
  readonly subject: string;
  readonly code: 'param-type' | 'result-type';
  readonly shape: Shape;
  readonly access: Access | undefined;
  readonly slot: Slot;
  /** Whether a bare name stands for a whole array or object too; so it is for params, not for results. */
  readonly bare?: boolean;
}

/** Whether a param or result of that shape can be used that way, where it stands. */
export const checkAccess = ({ subject, code, shape, access, slot, bare = true }: Use): Problem | undefined => {
  switch (shape.type) {
    case undefined:
      return undefined;
    case 'string':
      if (access === undefined) return undefined;
      return leaveStrings(problem(code, `${subject} is a string, without elements or keys`), bare, access);
    case 'array':
      if (access?.kind === 'index') return undefined;
      if (access?.kind === 'key') return problem(code, `${subject} is an array, without keys`);
      if (access === undefined && !bare) return problem(code, `${subject} is an array: write [*] or an index`);
      return slot === 'text'
        ? problem(code, `${subject} is an array: a whole array can only be an item of a list by itself`)
        : undefined;
    case 'object':
      if (access?.kind === 'key') return checkKey(subject, shape, access.key);
      if (access?.kind === 'index') return problem(code, `${subject} is an object, without elements`);
      if (access === undefined && !bare) return problem(code, `${subject} is an object: write [*] or a key`);
      return slot === 'value' ? undefined : problem(code, `${subject} is an object: name one of its keys`);
  }
};

const checkKey = (subject: string, { keys }: Shape, key: string): Problem | undefined =>
  keys === undefined || keys.includes(key)
    ? undefined
    : problem('missing-key', `${subject} has no key "${key}"`, didYouMean(key, keys));

/** `[*]` after a param that is a string is left as it is by Tekton. */
const leaveStrings = (found: Problem, isParam: boolean, access: Access): Problem =>
  isParam && access.kind === 'whole' ? tolerated(found) : found;
