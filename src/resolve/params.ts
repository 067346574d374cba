import { WaybillError } from '../core/index.ts';
import type { Param } from '../tekton/index.ts';

/**
 * The params of a resolver as texts by name, with `defaults` where they are missing or empty. Tekton's message for a
 * missing one. What Waybill does not read is refused, and so are values that only a running Pipeline knows.
 */
export const textParams = <R extends string, D extends string>(
  params: readonly Param[],
  required: readonly R[],
  defaults: Readonly<Record<D, string>>,
): Readonly<Record<R | D, string>> => {
  const known: Record<string, string> = { ...defaults };
  for (const { name, value } of params) {
    if (typeof value !== 'string') throw new WaybillError('InvalidInput', `parameter "${name}" must be a string`);
    if (value.includes('$(')) {
      throw new WaybillError('Unsupported', `parameter "${name}" depends on the run: ${value}`, {
        hint: 'write the reference out; variables in references are not supported yet',
      });
    }
    if (!(required as readonly string[]).includes(name) && !(name in defaults)) {
      throw new WaybillError('Unsupported', `parameter "${name}" is not supported`);
    }
    if (value !== '') known[name] = value;
  }
  const missing = required.find((name) => known[name] === undefined);
  if (missing !== undefined) throw new WaybillError('InvalidInput', `parameter "${missing}" required`);
  return known as Record<R | D, string>;
};
