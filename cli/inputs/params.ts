import { invalidInput, WaybillError } from 'waybill';
import type { ParamSpec, ParamValue } from 'waybill/tekton';

/** `-p name=value` texts by name, in the order given; a name given twice has two values. Throws `Usage`. */
export const readParams = (texts: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const values = new Map<string, string[]>();
  for (const [index, text] of texts.entries()) {
    const equals = text.indexOf('=');
    // The text is not shown: it may be a value, and a secret.
    if (equals < 1) {
      throw new WaybillError('Usage', `-p number ${index + 1} has no name`, { hint: 'write -p name=value' });
    }
    const name = text.slice(0, equals);
    values.set(name, [...(values.get(name) ?? []), text.slice(equals + 1)]);
  }
  return values;
};

/**
 * Values of the types that the specs declare: a string is taken as it stands; an array is the values in their order, or one
 * JSON array; an object is one JSON object. A name that no spec declares is left to the plan to judge, as a string.
 */
export const typeParams = (
  given: ReadonlyMap<string, readonly string[]>,
  specs: readonly ParamSpec[],
): readonly { readonly name: string; readonly value: ParamValue }[] =>
  [...given].map(([name, values]) => ({
    name,
    value: typed(name, values, specs.find((spec) => spec.name === name)?.type ?? 'string'),
  }));

const typed = (name: string, values: readonly string[], type: ParamSpec['type']): ParamValue => {
  switch (type) {
    case 'string':
      if (values.length > 1) throw wrong(name, `is a string and was given ${values.length} times`);
      return values[0] as string;
    case 'array':
      return values.length === 1 ? (jsonArray(values[0] as string) ?? values) : values;
    case 'object': {
      const value = values.length === 1 ? jsonObject(values[0] as string) : undefined;
      if (value === undefined) throw wrong(name, 'is an object: give it once, as JSON of string values');
      return value;
    }
  }
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const jsonArray = (text: string): readonly string[] | undefined => {
  const value = parse(text);
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
};

const jsonObject = (text: string): Readonly<Record<string, string>> | undefined => {
  const value = parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.values(value).every((item) => typeof item === 'string') ? (value as Record<string, string>) : undefined;
};

const wrong = (name: string, says: string): WaybillError =>
  invalidInput([{ code: 'param-type', severity: 'error', message: `param "${name}" ${says}` }], `-p ${name}`);
