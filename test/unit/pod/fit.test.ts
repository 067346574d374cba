import fc from 'fast-check';
import type { Container, LimitRange, LimitRangeItem, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { fitPod, SUPERVISOR } from 'waybill/pod';
import { parseQuantity } from '../../../src/pod/quantity.ts';

type Resources = NonNullable<Container['resources']>;

/** As podOf makes it. */
const OURS: Resources = { requests: { cpu: '10m', memory: '16Mi' } };

const podOf = (...steps: readonly (Resources | undefined)[]): Pod => ({
  metadata: { name: 'p' },
  spec: {
    containers: [
      { name: SUPERVISOR, resources: OURS },
      ...steps.map((resources, index) => ({
        name: `step-${index}`,
        ...(resources === undefined ? {} : { resources }),
      })),
    ],
  },
});

const limits = (...items: readonly Partial<LimitRangeItem>[]): LimitRange => ({
  spec: { limits: items.map((item) => ({ type: 'Container', ...item })) },
});

const of = (pod: Pod, limitRanges: readonly LimitRange[], { atOnce = 1, demanded = [] as readonly string[] } = {}) => {
  const [supervisor, ...steps] = fitPod(pod, { limitRanges, atOnce, demanded }).spec?.containers ?? [];
  return { supervisor: supervisor?.resources, steps: steps.map(({ resources }) => resources) };
};

test('without limit ranges and demands the pod is the same', () => {
  const pod = podOf(undefined, { limits: { cpu: '1' } });
  expect(fitPod(pod, { limitRanges: [], atOnce: 1 })).toBe(pod);
});

// The table of Tekton's documentation.
test('steps share the default request, and none is below the minimum', () => {
  const range = limits({
    default: { cpu: '2' },
    defaultRequest: { cpu: '1' },
    max: { cpu: '3' },
    min: { cpu: '300m' },
  });
  expect(of(podOf(undefined, undefined), [range]).steps).toEqual([
    { requests: { cpu: '500m' } },
    { requests: { cpu: '500m' } },
  ]);
  expect(of(podOf(...Array(5).fill(undefined)), [range]).steps[4]).toEqual({ requests: { cpu: '300m' } });
});

test('of several limit ranges the smallest default counts, and the largest minimum', () => {
  const first = limits({
    default: { cpu: '2' },
    defaultRequest: { cpu: '750m' },
    max: { cpu: '3' },
    min: { cpu: '500m' },
  });
  const second = limits({
    default: { cpu: '1.5' },
    defaultRequest: { cpu: '1' },
    max: { cpu: '2.5' },
    min: { cpu: '300m' },
  });
  expect(of(podOf(undefined), [first, second]).steps).toEqual([{ requests: { cpu: '750m' } }]);
  expect(of(podOf(undefined, undefined), [second, first]).steps[0]).toEqual({ requests: { cpu: '500m' } });
});

test('tasks that can run at once have a default request each', () => {
  const range = limits({ defaultRequest: { memory: '300Mi' } });
  expect(of(podOf(...Array(6).fill(undefined)), [range], { atOnce: 2 }).steps[0]).toEqual({
    requests: { memory: '100Mi' },
  });
});

test('what a step says stays', () => {
  const range = limits({ default: { cpu: '2' }, defaultRequest: { cpu: '1' }, min: { cpu: '300m' } });
  const says = { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '4' } };
  expect(of(podOf(says), [range]).steps).toEqual([says]);
});

test('a request is never above the step’s own limit', () => {
  const range = limits({ default: { cpu: '2' }, defaultRequest: { cpu: '1' } });
  expect(of(podOf({ limits: { cpu: '200m' } }), [range]).steps).toEqual([
    { limits: { cpu: '200m' }, requests: { cpu: '200m' } },
  ]);
});

test('a request keeps the ratio to its limit', () => {
  const range = limits({
    default: { cpu: '1' },
    defaultRequest: { cpu: '500m' },
    maxLimitRequestRatio: { cpu: '2.5' },
  });
  const { steps } = of(podOf(...Array(5).fill(undefined)), [range]);
  expect(steps[0]).toEqual({ requests: { cpu: '400m' } });
});

test('the supervisor has no limits where nothing gives it any', () => {
  expect(of(podOf(undefined), [limits({ min: { cpu: '5m' }, defaultRequest: { cpu: '5m' } })]).supervisor).toEqual(
    OURS,
  );
  const { supervisor } = of(podOf({ limits: { cpu: '1' } }), [limits({ type: 'Pod', max: { cpu: '1' } })]);
  expect(supervisor).toEqual(OURS);
});

test.each<[string, Partial<LimitRangeItem>, Resources]>([
  [
    'a small default limit is not for it',
    { default: { cpu: '50m', memory: '20Mi' }, defaultRequest: { cpu: '50m', memory: '20Mi' } },
    { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
  ],
  [
    'a maximum is kept',
    { max: { cpu: '200m', memory: '64Mi' } },
    { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
  ],
  [
    'a maximum below the request is kept too',
    { max: { memory: '8Mi' } },
    { requests: { cpu: '10m', memory: '8Mi' }, limits: { memory: '8Mi' } },
  ],
  ['a minimum is kept', { min: { cpu: '1' } }, { requests: { cpu: '1', memory: '16Mi' } }],
  [
    'a minimum and a maximum are kept',
    { min: { cpu: '1' }, max: { cpu: '2' } },
    { requests: { cpu: '1', memory: '16Mi' }, limits: { cpu: '1' } },
  ],
  [
    'a ratio lowers the limit first',
    { maxLimitRequestRatio: { memory: '4' } },
    { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
  ],
  [
    'and then raises the request',
    { maxLimitRequestRatio: { memory: '1' } },
    { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '48Mi' } },
  ],
])('the supervisor: %s', (_, item, resources) => {
  expect(of(podOf(undefined), [limits(item)]).supervisor).toEqual(resources);
});

test('the supervisor takes what a pod’s maximum leaves, and makes up for its minimum', () => {
  const range = limits({ default: { cpu: '800m' } }, { type: 'Pod', max: { cpu: '1' }, min: { memory: '100Mi' } });
  expect(of(podOf(undefined), [range]).supervisor).toEqual({
    requests: { cpu: '10m', memory: '100Mi' },
    limits: { cpu: '200m' },
  });
});

test('the supervisor says what a quota demands', () => {
  const demanded = ['limits.cpu', 'limits.memory', 'requests.ephemeral-storage', 'limits.ephemeral-storage'];
  const { supervisor, steps } = of(podOf(undefined), [], { demanded });
  expect(supervisor).toEqual({
    requests: { cpu: '10m', memory: '16Mi', 'ephemeral-storage': '1' },
    limits: { cpu: '500m', memory: '128Mi', 'ephemeral-storage': '256Mi' },
  });
  // What they need is for their author to say.
  expect(steps).toEqual([undefined]);
});

test('containers are as one limit range wants them, whatever it says, if that is possible', () => {
  const amount = fc.integer({ min: 1, max: 4000 });
  const item = fc
    .record({ min: amount, request: amount, limit: amount, max: amount, ratio: fc.integer({ min: 1, max: 20 }) })
    .map(({ ratio, ...amounts }) => {
      // As the API server keeps them: each is at most the next.
      const [min = 0, request = 0, limit = 0, max = 0] = Object.values(amounts).sort((a, b) => a - b);
      return { min, request, limit, max, ratio };
    });
  fc.assert(
    fc.property(item, fc.integer({ min: 1, max: 9 }), ({ min, request, limit, max, ratio }, count) => {
      const m = (value: number) => ({ cpu: `${value}m` });
      const range = limits({
        ...{ min: m(min), defaultRequest: m(request), default: m(limit), max: m(max) },
        maxLimitRequestRatio: { cpu: String(ratio) },
      });
      for (const resources of fitPod(podOf(...Array(count).fill(undefined)), {
        limitRanges: [range],
        atOnce: 1,
      }).spec?.containers.map((container) => container.resources) ?? []) {
        const asked = parseQuantity('cpu', resources?.requests?.cpu) ?? 0;
        const most = parseQuantity('cpu', resources?.limits?.cpu) ?? limit;
        expect(asked).toBeGreaterThanOrEqual(min);
        expect(asked).toBeLessThanOrEqual(most);
        expect(most).toBeLessThanOrEqual(max);
        expect(most / asked).toBeLessThanOrEqual(ratio);
      }
    }),
  );
});
