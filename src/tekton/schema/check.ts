import type { z } from 'zod';
import type { Path } from '../../core/index.ts';
import type { Found } from '../finding.ts';
import { didYouMean } from '../nearest.ts';

/** An input that fits its schema, or what does not fit. */
export type Checked<T> = { readonly value: T; readonly found?: never } | { readonly found: readonly Found[] };

/**
 * A value against a schema. What does not fit is `unknown-field` (with the nearest field that there is), `wrong-type`,
 * `required-field` or `bad-value`.
 */
export const checkSchema = <T>(schema: z.ZodType<T>, value: unknown): Checked<T> => {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  return { found: result.error.issues.flatMap((issue) => findingsOf(issue, schema, value)) };
};

const findingsOf = (issue: z.core.$ZodIssue, schema: z.ZodType, root: unknown): Found[] => {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const name = path.at(-1);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => ({
        code: 'unknown-field',
        severity: 'error',
        path: [...path, key],
        part: 'key',
        message: `there is no field "${key}" here`,
        ...didYouMean(key, known),
      }));
    }
    case 'invalid_type':
    case 'custom':
      if (at(root, path) === undefined) return [required(path)];
      return [problem('wrong-type', path, `"${name}" must be ${words(issue)}, not ${typeName(at(root, path))}`)];
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return [empty(path)];
      return [problem('bad-value', path, `"${name}" is too small`)];
    case 'too_big':
      return [problem('bad-value', path, `"${name}" is too large`)];
    case 'invalid_value':
      if (at(root, path) === undefined) return [required(path)];
      return [problem('bad-value', path, `"${name}" must be one of ${issue.values.map(String).join(', ')}`)];
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return [problem('bad-value', path, `"${name}": ${issue.message}`)];
  }
};

const problem = (code: string, path: Path, message: string): Found => ({ code, severity: 'error', path, message });

const required = (path: Path): Found => problem('required-field', path, `the field "${path.at(-1)}" is missing`);

const empty = (path: Path): Found => problem('required-field', path, `the field "${path.at(-1)}" must not be empty`);

const words = (issue: z.core.$ZodIssue): string => {
  if (issue.code !== 'invalid_type') return issue.message;
  switch (issue.expected) {
    case 'string':
      return 'a text';
    case 'boolean':
      return 'true or false';
    case 'int':
    case 'number':
      return 'a whole number';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'a map';
    default:
      return issue.expected;
  }
};

const typeName = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'object':
      return 'a map';
    case 'number':
      return `the number ${value} (put it in quotes to make it a text)`;
    case 'boolean':
      return `${value} (put it in quotes to make it a text)`;
    default:
      return typeof value;
  }
};

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      inner !== null && typeof inner === 'object' ? (inner as Record<string, unknown>)[part] : undefined,
    value,
  );

/** The fields that the object at a path of a schema can have. */
const keysAt = (schema: z.ZodType, path: Path): string[] => {
  let inner: SchemaNode | undefined = bare(schema);
  for (const part of path) inner = bare(stepInto(inner, part));
  return Object.keys(inner?.def.shape ?? {});
};

/** What zod's schemas show of their inside, as far as ours use it. */
interface SchemaNode {
  readonly def: {
    readonly type: string;
    readonly shape?: Readonly<Record<string, unknown>>;
    readonly element?: unknown;
    readonly valueType?: unknown;
    readonly innerType?: unknown;
  };
}

const stepInto = (node: SchemaNode | undefined, part: string | number): unknown => {
  if (node === undefined) return undefined;
  const { shape, element, valueType } = node.def;
  return shape?.[part] ?? (typeof part === 'number' ? element : valueType);
};

const bare = (schema: unknown): SchemaNode | undefined => {
  const node = schema as SchemaNode | undefined;
  return node?.def.type === 'optional' ? bare(node.def.innerType) : node;
};
