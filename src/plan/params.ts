import type { Path } from '../core/index.ts';
import type { ParamSpec, ParamType, ParamValue, Variable } from '../tekton/index.ts';
import { type Found, type Scope, textCompiler } from './compile-text.ts';
import { settledText } from './complete.ts';
import type { Report } from './report.ts';
import { literalText, literalValue } from './settle.ts';
import type { Item, Value } from './text.ts';

/** Values of params by name. */
export type Params = ReadonlyMap<string, Value>;

/** Gives the value of a param; undefined for one that does not exist. */
export type ParamLookup = (name: string) => Value | undefined;

export interface ParamBinding {
  readonly specs: readonly ParamSpec[];
  readonly given: Params;
  /** Params of the parent that an embedded spec sees: weaker than what is given, stronger than a default. */
  readonly inherited?: Params;
  /** The scope of defaults; they may name other params. */
  readonly scope: (params: ParamLookup) => Scope;
  /** Who declares the params, for messages: `Task "build"`. */
  readonly subject: string;
  /** Path of `specs`. */
  readonly path: Path;
  readonly report: Report;
}

/** The type of a value; `whole` passes objects on. */
export const typeOfValue = ({ kind }: Value): ParamType => (kind === 'whole' ? 'object' : kind);

/**
 * The value of every param: given, inherited or default, checked against its spec (`missing-param`, `param-type`,
 * `missing-key`, `param-enum`). Params without a spec are kept: embedded specs may use them. Content is never read as
 * variables; only defaults are, as their author wrote them.
 */
export const bindParams = ({ specs, given, inherited, scope, subject, path, report }: ParamBinding): Params => {
  const bound = new Map<string, Value>();
  for (const [name, value] of inherited ?? []) bound.set(name, value);
  for (const [name, value] of given) bound.set(name, merge(inherited?.get(name), value));

  const open = new Set<string>();
  const done = new Map<string, Value>();
  const byName = new Map(specs.map((spec, index) => [spec.name, { spec, index }]));
  const bind = (name: string): Value | undefined => {
    const declared = byName.get(name);
    if (declared === undefined) return bound.get(name);
    const ready = done.get(name);
    if (ready !== undefined) return ready;
    if (open.has(name)) {
      report('param-cycle', `the default of param "${name}" of ${subject} leads back to itself`, [
        ...path,
        declared.index,
      ]);
      return undefined;
    }
    open.add(name);
    const value = bindOne(declared.spec, [...path, declared.index]);
    open.delete(name);
    done.set(name, value);
    return value;
  };
  const compiler = textCompiler(scope(bind), report);

  const bindOne = (spec: ParamSpec, at: Path): Value => {
    const known = bound.get(spec.name);
    const fallback = spec.default === undefined ? undefined : compiler.value(spec.default, [...at, 'default']);
    if (known !== undefined && typeOfValue(known) !== spec.type && !given.has(spec.name) && fallback) return fallback;
    if (known === undefined && fallback === undefined) {
      report('missing-param', `${subject} needs param "${spec.name}" (${spec.type})`, at);
      return emptyOf(spec.type);
    }
    const value = known === undefined ? (fallback as Value) : merge(fallback, known);
    checkValue(spec, value, subject, at, report);
    return value;
  };

  return new Map([...bound, ...specs.map(({ name }) => [name, bind(name)] as const)].flatMap(keepDefined));
};

const keepDefined = ([name, value]: readonly [string, Value | undefined]): [string, Value][] =>
  value === undefined ? [] : [[name, value]];

/** Keys of a weaker object shine through a stronger one. */
const merge = (weaker: Value | undefined, stronger: Value): Value =>
  weaker?.kind === 'object' && stronger.kind === 'object'
    ? { kind: 'object', entries: { ...weaker.entries, ...stronger.entries } }
    : stronger;

const checkValue = (spec: ParamSpec, value: Value, subject: string, at: Path, report: Report): void => {
  const type = typeOfValue(value);
  if (type !== spec.type) {
    report('param-type', `param "${spec.name}" of ${subject} is ${spec.type}, and ${type} was given`, at);
    return;
  }
  if (value.kind === 'object') {
    const lacking = Object.keys(spec.properties ?? {}).filter((key) => !Object.hasOwn(value.entries, key));
    if (lacking.length > 0) {
      report(
        'missing-key',
        `param "${spec.name}" of ${subject} lacks ${lacking.map((key) => `"${key}"`).join(', ')}`,
        at,
      );
    }
  }
  if (spec.enum !== undefined && spec.enum.length > 0 && value.kind === 'string') {
    const text = settledText(value.text);
    if (text === undefined) {
      report('unsupported-field', `param "${spec.name}" of ${subject} has an enum, and its value is a result`, at);
    } else if (!spec.enum.includes(text)) {
      const values = spec.enum.map((value) => `"${value}"`).join(', ');
      report('param-enum', `param "${spec.name}" of ${subject} has another value than ${values}`, at);
    }
  }
};

const emptyOf = (type: ParamType): Value => {
  switch (type) {
    case 'string':
      return { kind: 'string', text: [] };
    case 'array':
      return { kind: 'array', items: [] };
    case 'object':
      return { kind: 'object', entries: {} };
  }
};

/** Given params as literal values: their content is not read. A name given twice keeps the last value. */
export const literalParams = (params: readonly { readonly name: string; readonly value: ParamValue }[]): Params =>
  new Map(params.map(({ name, value }) => [name, literalValue(value)]));

/** What `$(params.…)` stands for. A param whose name has dots is found by its plain spelling too, as in Tekton. */
export const findParam = (variable: Extract<Variable, { kind: 'param' }>, lookup: ParamLookup): Found => {
  const value = lookup(variable.name);
  if (variable.access?.kind === 'key') {
    const parts = [variable.name, ...variable.access.key.split('.')];
    for (let length = parts.length; length > 1; length -= 1) {
      const dotted = lookup(parts.slice(0, length).join('.'));
      const key = parts.slice(length).join('.');
      if (dotted !== undefined) return reach(variable, dotted, key === '' ? undefined : { kind: 'key', key });
    }
  }
  if (value === undefined) return problem('unknown-param', `there is no param "${variable.name}"`);
  return reach(variable, value, variable.access);
};

type ParamAccess = Extract<Variable, { kind: 'param' }>['access'];

const reach = ({ name }: { readonly name: string }, value: Value, access: ParamAccess): Found => {
  switch (value.kind) {
    case 'string':
      if (access === undefined) return { kind: 'text', text: value.text };
      return problem('param-type', `param "${name}" is a string`);
    case 'array':
      if (access === undefined || access.kind === 'whole') return { kind: 'items', items: value.items };
      if (access.kind === 'index') return element(name, value.items, access.index);
      return problem('param-type', `param "${name}" is an array`);
    case 'object': {
      if (access === undefined || access.kind === 'whole') return { kind: 'object', value };
      const text = access.kind === 'key' && Object.hasOwn(value.entries, access.key) && value.entries[access.key];
      if (text) return { kind: 'text', text };
      return problem('missing-key', `param "${name}" is an object without that key`);
    }
    case 'whole':
      if (access === undefined || access.kind === 'whole') return { kind: 'object', value };
      if (access.kind === 'key') {
        return { kind: 'text', text: [{ task: value.task, result: value.result, key: access.key }] };
      }
      return problem('param-type', `param "${name}" is an object`);
  }
};

const element = (name: string, items: readonly Item[], index: number): Found => {
  const [first] = items;
  if (first !== undefined && 'splat' in first && items.length === 1) {
    return { kind: 'text', text: [{ ...first.splat, index }] };
  }
  if (items.slice(0, index + 1).some((item) => 'splat' in item)) {
    return problem(
      'unsupported-variable',
      `the length of what stands before element ${index} of "${name}" is not known`,
    );
  }
  const item = items[index];
  if (item !== undefined && 'text' in item) return { kind: 'text', text: item.text };
  return problem('index-out-of-range', `param "${name}" has ${items.length} elements, and no element ${index}`);
};

/** A finding about a variable. */
export const problem = (code: string, message: string): Extract<Found, { kind: 'problem' }> => ({
  kind: 'problem',
  code,
  message,
});

/** A string as found. */
export const textOf = (text: string): Found => ({ kind: 'text', text: literalText(text) });
