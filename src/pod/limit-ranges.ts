import type { LimitRange, LimitRangeItem } from 'kubernetes-types/core/v1.d.ts';
import { parseQuantity } from './quantity.ts';

/** What a namespace says of one resource, in the units of {@link parseQuantity}. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
  /** The limit that a container gets that has none. */
  readonly limit?: number;
  /** The same for its request. */
  readonly request?: number;
  /** How many times its request a limit may be. */
  readonly ratio?: number;
}

/** What Tekton fits, and all that containers commonly ask for. */
export const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'] as const;

export type Resource = (typeof RESOURCES)[number];

/**
 * All LimitRanges of a namespace as one, as Tekton joins them: the largest minimum, the smallest of all else.
 * https://tekton.dev/docs/pipelines/compute-resources/#support-for-multiple-limitranges
 */
export const boundsOf = (limitRanges: readonly LimitRange[], type: 'Container' | 'Pod', resource: Resource): Bounds => {
  const items = limitRanges.flatMap(({ spec }) => spec?.limits ?? []).filter((item) => item.type === type);
  const all = (field: Exclude<keyof LimitRangeItem, 'type'>, unit: string = resource): readonly number[] =>
    items.map((item) => parseQuantity(unit, item[field]?.[resource])).filter((amount) => amount !== undefined);
  const least = (amounts: readonly number[]): number | undefined =>
    amounts.length === 0 ? undefined : Math.min(...amounts);
  const min = all('min');
  const bounds = {
    min: min.length === 0 ? undefined : Math.max(...min),
    max: least(all('max')),
    limit: least(all('default')),
    request: least(all('defaultRequest')),
    // A ratio has no unit: in thousandths, so that 1.5 is kept.
    ratio: least(all('maxLimitRequestRatio', 'cpu').map((thousandths) => thousandths / 1000)),
  };
  return Object.fromEntries(Object.entries(bounds).filter(([, amount]) => amount !== undefined));
};
