import type { Container, LimitRange, Pod, ResourceRequirements } from 'kubernetes-types/core/v1.d.ts';
import { SUPERVISOR } from './constants.ts';
import { type Bounds, boundsOf, RESOURCES, type Resource } from './limit-ranges.ts';
import { formatQuantity, parseQuantity } from './quantity.ts';

/** What a namespace wants of a pod. */
export interface Fit {
  readonly limitRanges: readonly LimitRange[];
  /** What its quotas want every container to say: `limits.cpu`, `requests.memory`, `cpu`, … */
  readonly demanded?: readonly string[];
  /** How many of the pod's tasks can run at the same time. */
  readonly atOnce: number;
}

/**
 * A pod as a namespace lets it in, with requests for what it uses at one time. Kubernetes would give each container the
 * default request of a LimitRange, and a pod of ten steps, of which one runs, would ask for ten times as much. So a step that
 * says nothing gets its part, as in Tekton: the default, for as many tasks as can run at once, divided by the number of
 * steps; not below the minimum, not above its limit, and, beyond Tekton, within the ratio of limit and request. What a
 * step says stays, and so do limits. The supervisor is fitted to whatever there is.
 * https://tekton.dev/docs/pipelines/compute-resources/#limitrange-support
 */
export const fitPod = (pod: Pod, { limitRanges, demanded = [], atOnce }: Fit): Pod => {
  if (pod.spec === undefined || (limitRanges.length === 0 && demanded.length === 0)) return pod;
  const { containers } = pod.spec;
  const steps = containers.filter(({ name }) => name !== SUPERVISOR).length;
  const fitted = RESOURCES.reduce<readonly Container[]>((before, resource) => {
    const whole = boundsOf(limitRanges, 'Pod', resource);
    const bounds = withRatio(boundsOf(limitRanges, 'Container', resource), whole);
    const part = partOf(bounds, atOnce, steps);
    const all = before.map((one) => (one.name === SUPERVISOR ? one : stepWith(one, resource, bounds, part)));
    const others = all.filter(({ name }) => name !== SUPERVISOR).map((one) => amountsOf(one, resource, bounds));
    const room = {
      missing: (whole.min ?? 0) - sum(others.map(({ request }) => request ?? 0)),
      left: (whole.max ?? Number.POSITIVE_INFINITY) - sum(others.map(({ limit }) => limit ?? 0)),
    };
    const wanted = { limit: demanded.includes(`limits.${resource}`), request: isDemanded(demanded, resource) };
    return all.map((one) => (one.name === SUPERVISOR ? supervisorWith(one, resource, bounds, room, wanted) : one));
  }, containers);
  return { ...pod, spec: { ...pod.spec, containers: [...fitted] } };
};

/** What each container keeps, the pod keeps. */
const withRatio = (bounds: Bounds, { ratio = Number.POSITIVE_INFINITY }: Bounds): Bounds => {
  const least = Math.min(bounds.ratio ?? Number.POSITIVE_INFINITY, ratio);
  return Number.isFinite(least) ? { ...bounds, ratio: least } : bounds;
};

/** A step's part of the default request; undefined where there is none. */
const partOf = ({ request }: Bounds, atOnce: number, steps: number): number | undefined =>
  request === undefined ? undefined : Math.max(1, Math.floor((request * Math.min(atOnce, steps)) / Math.max(1, steps)));

const stepWith = (step: Container, resource: Resource, bounds: Bounds, part: number | undefined): Container => {
  const { request, limit = bounds.limit } = said(step, resource);
  if (request !== undefined || (part === undefined && bounds.min === undefined)) return step;
  const least = Math.max(part ?? 0, bounds.min ?? 0, byRatio(limit, bounds));
  return withAmounts(step, resource, { request: Math.min(least, limit ?? least) });
};

/** What the supervisor would like to have where it must have a limit, and what it hardly does without. */
const LIKED: Readonly<Record<Resource, number>> = {
  cpu: 500,
  memory: 128 * 2 ** 20,
  'ephemeral-storage': 256 * 2 ** 20,
};
const NEEDED: Readonly<Record<Resource, number>> = {
  cpu: 100,
  memory: 48 * 2 ** 20,
  'ephemeral-storage': 64 * 2 ** 20,
};

/** A limit only where it would get one anyway, or must have one: one on CPU slows every step-to-step hop. */
const supervisorWith = (
  container: Container,
  resource: Resource,
  bounds: Bounds,
  { missing, left }: { readonly missing: number; readonly left: number },
  wanted: { readonly limit: boolean; readonly request: boolean },
): Container => {
  const { min = 0, max = Number.POSITIVE_INFINITY, ratio = Number.POSITIVE_INFINITY } = bounds;
  const own = said(container, resource).request ?? (wanted.request ? 1 : 0);
  const base = Math.min(Math.max(own, min, missing), max);
  const limited = wanted.limit || bounds.limit !== undefined || bounds.max !== undefined || bounds.ratio !== undefined;
  if (!limited) return withAmounts(container, resource, base > 0 ? { request: base } : {});
  const needed = NEEDED[resource];
  const liked = Math.max(needed, Math.min(LIKED[resource], Number.isFinite(ratio) ? base * ratio : LIKED[resource]));
  const limit = Math.floor(Math.max(Math.min(liked, max, Math.max(left, Math.min(needed, max))), min, base));
  const request = Math.min(Math.max(base, byRatio(limit, bounds)), limit);
  return withAmounts(container, resource, { ...(request > 0 ? { request } : {}), limit });
};

/** The least request that a limit may have. */
const byRatio = (limit: number | undefined, { ratio }: Bounds): number =>
  limit === undefined || ratio === undefined || ratio <= 0 ? 0 : Math.ceil(limit / ratio);

interface Amounts {
  readonly request?: number;
  readonly limit?: number;
}

const said = ({ resources }: Container, resource: Resource): Amounts => {
  const request = parseQuantity(resource, resources?.requests?.[resource]);
  const limit = parseQuantity(resource, resources?.limits?.[resource]);
  return { ...(request === undefined ? {} : { request }), ...(limit === undefined ? {} : { limit }) };
};

/** What a container will have: a limit that stands alone is its request as well. */
const amountsOf = (container: Container, resource: Resource, bounds: Bounds): Amounts => {
  const own = said(container, resource);
  const limit = own.limit ?? bounds.limit;
  const request = own.request ?? own.limit ?? bounds.request;
  return { ...(request === undefined ? {} : { request }), ...(limit === undefined ? {} : { limit }) };
};

const withAmounts = (container: Container, resource: Resource, { request, limit }: Amounts): Container => {
  const { requests, limits, ...more }: ResourceRequirements = container.resources ?? {};
  const set = (list: typeof requests, amount: number | undefined): typeof requests =>
    amount === undefined ? list : { ...list, [resource]: formatQuantity(resource, amount) };
  const all = { requests: set(requests, request), limits: set(limits, limit) };
  return {
    ...container,
    resources: {
      ...more,
      ...(all.requests === undefined ? {} : { requests: all.requests }),
      ...(all.limits === undefined ? {} : { limits: all.limits }),
    },
  };
};

const isDemanded = (demanded: readonly string[], resource: Resource): boolean =>
  demanded.includes(resource) || demanded.includes(`requests.${resource}`);

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
