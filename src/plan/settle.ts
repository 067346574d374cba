import type { ParamValue } from '../tekton/index.ts';
import { arrayOf, completeValue, isMissing, spend, stringOf } from './complete.ts';
import type { Item, Known, Segment, Text, Value } from './text.ts';
import type { PlanWhen } from './types.ts';

/** A text with all that is known put in as literals; references without a value stay. Literals side by side are joined. */
export const settleText = (text: Text, known: Known): Text =>
  joinText(
    text.map((segment) => {
      const value = typeof segment === 'string' ? undefined : stringOf(segment, known);
      return value === undefined ? segment : spend(known, value);
    }),
  );

/** A list of items with all that is known put in; a splat whose array is known becomes its texts. */
export const settleItems = (items: readonly Item[], known: Known): Item[] =>
  items.flatMap((item): Item[] => {
    if ('text' in item) return [{ text: settleText(item.text, known) }];
    return arrayOf(item, known)?.map((element) => ({ text: literalText(spend(known, element)) })) ?? [item];
  });

/** A value with all that is known put in. */
export const settleValue = (value: Value, known: Known): Value => {
  switch (value.kind) {
    case 'string':
      return { kind: 'string', text: settleText(value.text, known) };
    case 'array':
      return { kind: 'array', items: settleItems(value.items, known) };
    case 'object':
      return {
        kind: 'object',
        entries: Object.fromEntries(
          Object.entries(value.entries).map(([key, text]) => [key, settleText(text, known)] as const),
        ),
      };
    case 'whole': {
      const result = completeValue(value, known);
      return isMissing(result) ? value : literalValue(result);
    }
  }
};

/** `when` expressions with all that is known put in. */
export const settleWhen = (when: readonly PlanWhen[], known: Known): PlanWhen[] =>
  when.map(({ input, operator, values }) => ({
    input: settleText(input, known),
    operator,
    values: settleItems(values, known),
  }));

/** A string as a settled text; the empty string has no segments. */
export const literalText = (text: string): Text => (text === '' ? [] : [text]);

/** A known value as a {@link Value}. */
export const literalValue = (value: ParamValue): Value => {
  if (typeof value === 'string') return { kind: 'string', text: literalText(value) };
  if (Array.isArray(value)) {
    return { kind: 'array', items: (value as readonly string[]).map((text) => ({ text: literalText(text) })) };
  }
  return {
    kind: 'object',
    entries: Object.fromEntries(Object.entries(value).map(([key, text]) => [key, literalText(text as string)])),
  };
};

/** The one spelling of a text: no empty literals, no two side by side. */
export const joinText = (segments: readonly Segment[]): Text => {
  const joined: Segment[] = [];
  for (const segment of segments) {
    const last = joined.at(-1);
    if (segment === '') continue;
    if (typeof segment === 'string' && typeof last === 'string') joined[joined.length - 1] = last + segment;
    else joined.push(segment);
  }
  return joined;
};
