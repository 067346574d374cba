import { WaybillError } from '../core/index.ts';
import type { ParamValue } from '../tekton/index.ts';
import type { Item, Known, Segment, Text, Value } from './text.ts';
import type { PlanWhen } from './types.ts';

/** The part of a text that is no literal. */
export type Reference = Exclude<Segment, string>;

/** Says that a value cannot be completed: what `reference` names does not exist, or has another type, index or key. */
export class Missing {
  readonly reference: Reference;

  constructor(reference: Reference) {
    this.reference = reference;
  }
}

/** Whether a completion failed. */
export const isMissing = (value: unknown): value is Missing => value instanceof Missing;

/** Whether a text is literals alone: complete without anything from the run. */
export const isSettled = (text: Text): boolean => text.every((segment) => typeof segment === 'string');

/** The string of a settled text; undefined if it holds a reference. */
export const settledText = (text: Text): string | undefined => (isSettled(text) ? text.join('') : undefined);

/**
 * A text as a string, or the first reference (from the left) that has no value. Values are put in as they are and not
 * read again. An array or object result inside a text needs an index or key; a declared environment variable without
 * a value stays as it was written, as in Kubernetes.
 */
export const completeText = (text: Text, known: Known): string | Missing => {
  const parts: string[] = [];
  for (const segment of text) {
    const part = typeof segment === 'string' ? segment : stringOf(segment, known);
    if (part === undefined) return new Missing(segment as Reference);
    if (typeof segment !== 'string') spend(known, part);
    parts.push(part);
  }
  return parts.join('');
};

/** A list of items as strings: each text one, each splat as many as its array result has. */
export const completeItems = (items: readonly Item[], known: Known): string[] | Missing => {
  const all: string[] = [];
  for (const item of items) {
    const part = 'text' in item ? completeText(item.text, known) : (arrayOf(item, known) ?? new Missing(item.splat));
    if (isMissing(part)) return part;
    if (typeof part === 'string') all.push(part);
    else for (const text of part) all.push(spend(known, text));
  }
  return all;
};

/** A param or result value. `whole` takes arrays and objects only: Tekton's `[*]` does not fit a string. */
export const completeValue = (value: Value, known: Known): ParamValue | Missing => {
  switch (value.kind) {
    case 'string':
      return completeText(value.text, known);
    case 'array':
      return completeItems(value.items, known);
    case 'object':
      return completeEntries(value.entries, known);
    case 'whole': {
      const result = known.result(value.task, value.result);
      const fits = result !== undefined && typeof result !== 'string';
      return fits ? result : new Missing({ task: value.task, result: value.result });
    }
  }
};

/**
 * Whether all `when` expressions hold; an empty list does. A reference without a value comes before an expression that
 * is false, wherever they stand: Tekton looks for missing results first.
 */
export const conditionHolds = (when: readonly PlanWhen[], known: Known): boolean | Missing => {
  let holds = true;
  for (const { input, operator, values } of when) {
    const text = completeText(input, known);
    if (isMissing(text)) return text;
    const among = completeItems(values, known);
    if (isMissing(among)) return among;
    if (among.includes(text) !== (operator === 'in')) holds = false;
  }
  return holds;
};

const completeEntries = (
  entries: Readonly<Record<string, Text>>,
  known: Known,
): Readonly<Record<string, string>> | Missing => {
  const complete: [string, string][] = [];
  // Sorted, so that the first missing reference is the same one whoever wrote the JSON.
  for (const key of Object.keys(entries).sort()) {
    const text = completeText(entries[key] as Text, known);
    if (isMissing(text)) return text;
    complete.push([key, text]);
  }
  return Object.fromEntries(complete);
};

/** Characters of values that the texts of a pod may hold: more than its program can have. */
const ROOM = 3 * 1024 * 1024;

/**
 * Room for the values of all texts of a pod, for {@link Known}: a text can name a large result any number of times. What goes
 * beyond throws `TooLarge`.
 */
export const roomForTexts = (): NonNullable<Known['room']> => ({ left: ROOM });

/** Counts a value that is put in; one of a list costs something even if it is empty. */
export const spend = ({ room }: Known, text: string): string => {
  if (room === undefined) return text;
  room.left -= text.length + 16;
  if (room.left >= 0) return text;
  throw new WaybillError('TooLarge', 'with the values of their references, the texts of the pod are too large', {
    hint: 'pass large results through a workspace',
  });
};

/** The string that a reference stands for; undefined where there is none. */
export const stringOf = (reference: Reference, known: Known): string | undefined => {
  if ('task' in reference) return pick(known.result(reference.task, reference.result), reference);
  if ('step' in reference) return pick(known.stepResult?.(reference.step, reference.result), reference);
  if ('status' in reference) return known.status?.(reference.status);
  if ('reason' in reference) return known.reason?.(reference.reason);
  if ('retryCount' in reference) return known.retryCount?.toString();
  return known.env === undefined ? undefined : (known.env(reference.env) ?? `$(${reference.env})`);
};

/** The array that a splat stands for; undefined where there is none. */
export const arrayOf = (item: Extract<Item, { splat: unknown }>, known: Known): readonly string[] | undefined => {
  const { splat } = item;
  const value = 'task' in splat ? known.result(splat.task, splat.result) : known.stepResult?.(splat.step, splat.result);
  return isArray(value) ? value : undefined;
};

const pick = (
  value: ParamValue | undefined,
  { index, key }: { readonly index?: number; readonly key?: string },
): string | undefined => {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return index === undefined && key === undefined ? value : undefined;
  if (isArray(value)) return index === undefined ? undefined : value[index];
  return key !== undefined && Object.hasOwn(value, key) ? value[key] : undefined;
};

const isArray = (value: ParamValue | undefined): value is readonly string[] => Array.isArray(value);
