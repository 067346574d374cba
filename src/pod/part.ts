import { completeText, isMissing, type Known, type PodPart } from '../plan/index.ts';
import { broken } from './lookup.ts';

/**
 * A piece of a pod spec with its texts put in. Everything in it must be known: the kubelet reads it before the pod's
 * first task runs.
 */
export const completePart = <T>({ body, at = {} }: PodPart<T>, known: Known): T => {
  const entries = Object.entries(at);
  if (entries.length === 0) return body;
  const copy: unknown = structuredClone(body);
  for (const [pointer, text] of entries) {
    const value = completeText(text, known);
    put(copy, pointer, isMissing(value) ? broken(`${pointer} waits for a result inside its own pod`) : value);
  }
  return copy as T;
};

/** Sets what a JSON pointer names. https://www.rfc-editor.org/rfc/rfc6901 */
const put = (root: unknown, pointer: string, value: string): void => {
  const keys = pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop();
  let target: unknown = root;
  for (const key of keys) target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
  if (last === undefined || !isObject(target) || !Object.hasOwn(target, last))
    broken(`no ${pointer} in a part of the pod`);
  else target[last] = value;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
