import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { completeItems, completeText, conditionHolds, isMissing } from '../../../src/plan/complete.ts';
import type { Item, Known, Segment, Text } from '../../../src/plan/text.ts';
import type { PlanWhen } from '../../../src/plan/types.ts';
import type { ParamValue } from '../../../src/tekton/index.ts';

/** The same vectors run against agent/internal/semantics. */
const vectors = <T>(name: string): (Vector & T)[] =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/semantics/${name}.json`, import.meta.url), 'utf8')) as (Vector &
    T)[];

type Named<T> = Readonly<Record<string, T>>;

interface Vector {
  readonly name: string;
  readonly known: {
    readonly results?: Named<Named<ParamValue>>;
    readonly steps?: Named<Named<ParamValue>>;
    readonly status?: Named<string>;
    readonly reason?: Named<string>;
    readonly retryCount?: number;
    readonly env?: Named<string>;
  };
  readonly missing?: Segment;
}

const knownOf = ({ results, steps, status, reason, retryCount, env }: Vector['known']): Known => ({
  result: (task, name) => results?.[task]?.[name],
  stepResult: (step, name) => steps?.[step]?.[name],
  status: (task) => status?.[task],
  reason: (task) => reason?.[task],
  ...(retryCount !== undefined && { retryCount }),
  ...(env !== undefined && { env: (name: string) => env[name] }),
});

/** What a vector expects: the value, or the reference that is missing. */
const outcome = (value: unknown): unknown => (isMissing(value) ? { missing: value.reference } : { value });
const wanted = (vector: Vector, value: unknown): unknown =>
  vector.missing === undefined ? { value } : { missing: vector.missing };

test.each(vectors<{ text: Text; value?: string }>('texts'))('text: $name', (vector) => {
  expect(outcome(completeText(vector.text, knownOf(vector.known)))).toEqual(wanted(vector, vector.value));
});

test.each(vectors<{ items: Item[]; value?: string[] }>('items'))('items: $name', (vector) => {
  expect(outcome(completeItems(vector.items, knownOf(vector.known)))).toEqual(wanted(vector, vector.value));
});

test.each(vectors<{ when: PlanWhen[]; holds?: boolean }>('conditions'))('conditions: $name', (vector) => {
  expect(outcome(conditionHolds(vector.when, knownOf(vector.known)))).toEqual(wanted(vector, vector.holds));
});
