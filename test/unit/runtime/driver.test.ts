import { expect, test } from 'vitest';
import { WaybillError } from '../../../src/core/index.ts';
import { advance, initialState } from '../../../src/engine/index.ts';
import { KubeApiError } from '../../../src/kube/index.ts';
import type { Plan } from '../../../src/plan/index.ts';
import { type DriveOptions, type DriverEvent, drive, type PodHandle } from '../../../src/runtime/index.ts';
import { compile, fakeClock, fakeRecord, fakeRuntime, finished } from './fakes.ts';
import { planOf } from './plan.ts';

const CHAIN = planOf([], [0]);
const retriedOnce = (plan: Plan): Plan => ({ ...plan, nodes: plan.nodes.map((node) => ({ ...node, retries: 1 })) });

const apiError = (status: number, reason: string, message = reason) =>
  new WaybillError(status === 403 ? 'Forbidden' : 'KubeError', message, {
    cause: new KubeApiError(status, reason, message),
  });

const given = (
  plan: DriveOptions['plan'],
  options: Parameters<typeof fakeRuntime>[1] = {},
  first = initialState(plan),
) => {
  const log: string[] = [];
  const events: DriverEvent[] = [];
  const { clock, pass } = fakeClock();
  const fake = fakeRecord(plan, log, first);
  const { runtime, out } = fakeRuntime(log, options);
  const base = { plan, record: fake.record, runtime, compile, clock, pause: async () => {} };
  const onEvent = (event: DriverEvent) => void events.push(event);
  return { ...fake, log, events, clock, pass, out, options: { ...base, onEvent } satisfies DriveOptions };
};

/** The state after some events. */
const after = (plan: DriveOptions['plan'], ...events: Parameters<typeof advance>[2][]) =>
  events.reduce((state, event) => advance(plan, state, event).state, initialState(plan));

const BEGIN = { kind: 'begin', at: 1 } as const;
const created = (group: number, attempt = 1) =>
  ({
    kind: 'podCreated',
    group,
    attempt,
    pod: `pod-${group}/${attempt}`,
    uid: `uid-${group}/${attempt}`,
    at: 2,
  }) as const;
const handle = (group: number, attempt = 1): PodHandle => ({
  name: `pod-${group}/${attempt}`,
  uid: `uid-${group}/${attempt}`,
  group,
  attempt,
});

test('a chain runs to its end; results are written before the pod that holds them starts', async () => {
  const { log, events, written, options } = given(CHAIN);
  const state = await drive(options);
  expect(state.condition?.status).toBe('True');
  expect(written()).toBe(state);
  expect(log).toEqual(['start 0/1', 'flush', 'start 1/1', 'release']);
  expect(events.map((event) => (event.kind === 'changed' ? event.event.kind : event.kind))).toEqual([
    'begin',
    'podCreated',
    'taskFinished',
    'podCreated',
    'taskFinished',
  ]);
});

test('events of pods that are not in the record do not count', async () => {
  const stranger = { ...handle(0), uid: 'stranger' };
  const { options, out, written } = given(CHAIN, {
    run: (pod, say) => {
      out.push({ kind: 'event', uid: stranger.uid, event: { ...finished(pod), outcome: 'failed' } as never });
      say(finished(pod));
    },
  });
  await drive(options);
  expect(written().condition?.status).toBe('True');
});

test('a lasting refusal fails the task, a passing one is borne', async () => {
  const invalid = given(planOf([]), { refuse: () => apiError(422, 'Invalid') });
  const state = await drive(invalid.options);
  expect(state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'PodCreationFailed' });

  const quota = given(planOf([]), {
    refuse: (_, tries) => (tries < 3 ? apiError(403, 'Forbidden', 'exceeded quota: pods') : undefined),
  });
  expect((await drive(quota.options)).condition?.status).toBe('True');
  const notices = quota.events.flatMap((event) => (event.kind === 'notice' ? [event.notice.code] : []));
  // Once: the second try says nothing new.
  expect(notices).toEqual(['ExceededResourceQuota']);

  const rights = 'pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "ours"';
  const young = given(planOf([]), {
    refuse: (_, tries) => (tries < 3 ? apiError(403, 'Forbidden', rights) : undefined),
  });
  expect((await drive(young.options)).condition?.status).toBe('True');
  const never = given(planOf([]), { refuse: () => apiError(403, 'Forbidden', rights) });
  expect((await drive(never.options)).nodes[0]).toMatchObject({ phase: 'failed', reason: 'PodCreationFailed' });
});

test('an abort cancels the run: pods are stopped, then the record is written', async () => {
  const abort = new AbortController();
  const { options, log, written } = given(planOf([], []), {
    run: ({ group }) => {
      if (group === 1) abort.abort();
    },
  });
  const state = await drive({ ...options, signal: abort.signal });
  expect(state.condition).toMatchObject({ status: 'False', reason: 'Cancelled' });
  expect(log.toSorted()).toEqual(['release', 'start 0/1', 'start 1/1', 'stop 0/1', 'stop 1/1', 'wish Cancelled']);
  expect(log.indexOf('wish Cancelled')).toBeLessThan(log.indexOf('stop 0/1'));
  expect(log.indexOf('stop 1/1')).toBeLessThan(log.indexOf('release'));
  expect(written()).toBe(state);
});

test('a pod that was being created when the run was cancelled is stopped', async () => {
  const abort = new AbortController();
  const { options, log } = given(planOf([]), { run: () => {} });
  let answer = (): void => {};
  const start = options.runtime.start;
  const runtime = {
    ...options.runtime,
    start: async (...args: Parameters<typeof start>) => {
      abort.abort();
      await new Promise<void>((done) => {
        answer = done;
        setTimeout(done, 20);
      });
      return start(...args);
    },
  };
  const state = await drive({ ...options, runtime, signal: abort.signal });
  answer();
  expect(state.condition?.reason).toBe('Cancelled');
  expect(log).toEqual(['wish Cancelled', 'start 0/1', 'stop 0/1', 'release']);
});

test('a driver that is to leave ends at once, and gives the lease back', async () => {
  const force = new AbortController();
  const { options, log } = given(planOf([]), { run: () => force.abort(new Error('at once')) });
  const pause = (_: number, signal?: AbortSignal) =>
    new Promise<void>((done) => signal?.addEventListener('abort', () => done()));
  await expect(drive({ ...options, pause, force: force.signal })).rejects.toThrow('at once');
  expect(log).toEqual(['start 0/1', 'release', 'abandon']);
});

test('a driver that was replaced stops', async () => {
  const { options, lose, log } = given(planOf([]), { run: () => lose() });
  await expect(drive(options)).rejects.toMatchObject({ code: 'DriverLost' });
  expect(log.filter((entry) => entry.startsWith('stop'))).toEqual([]);
});

test('a wish in the record cancels', async () => {
  const { options, wish } = given(planOf([]), { run: () => wish('Cancelled') });
  expect((await drive(options)).condition?.reason).toBe('Cancelled');
});

test('a run that was cancelled before it began makes nothing', async () => {
  const { options, log } = given(planOf([]));
  const record = {
    ...options.record,
    state: options.record.state,
    onCancel: (call: (mode: 'Cancelled') => void) => call('Cancelled'),
  };
  expect((await drive({ ...options, record })).condition?.reason).toBe('Cancelled');
  expect(log).toEqual(['release']);
});

test('time-outs end by the clock', async () => {
  const { options, pass } = given(planOf([]), { run: () => setImmediate(() => pass(3_600_001)) });
  expect((await drive(options)).condition).toMatchObject({ status: 'False', reason: 'PipelineRunTimeout' });
});

test('a run goes on with the pods that are left, without starting them again', async () => {
  const first = after(CHAIN, BEGIN, created(0));
  const { options, out, log } = given(CHAIN, { present: [handle(0)] }, first);
  out.push({ kind: 'event', uid: 'uid-0/1', event: finished(handle(0)) });
  expect((await drive(options)).condition?.status).toBe('True');
  expect(log).toEqual(['flush', 'start 1/1', 'release']);
});

test('a pod that is gone when a run goes on may have run its steps: only a retry runs them again', async () => {
  const first = after(CHAIN, BEGIN, created(0));
  const once = given(CHAIN, { present: [] }, first);
  const state = await drive(once.options);
  expect(once.log.filter((entry) => entry.startsWith('start'))).toEqual([]);
  expect(state.nodes[0]).toMatchObject({ phase: 'failed', reason: 'PodDeleted' });

  const retried = retriedOnce(CHAIN);
  const twice = given(retried, { present: [] }, after(retried, BEGIN, created(0)));
  expect((await drive(twice.options)).condition?.status).toBe('True');
  expect(twice.log).toContain('start 0/2');
});

test('a pod that was created but not recorded is started again, which adopts it; any other one is stopped', async () => {
  const first = after(CHAIN, BEGIN);
  const { options, log } = given(CHAIN, { present: [handle(0), handle(1, 7)] }, first);
  await drive(options);
  expect(log).toContain('stop 1/7');
  expect(log).toContain('start 0/1');
  expect(log).not.toContain('stop 0/1');
});

test('a run that was cancelled while nobody drove it stops what is left', async () => {
  const first = after(CHAIN, BEGIN);
  const abort = new AbortController();
  abort.abort();
  const { options, log } = given(CHAIN, { present: [handle(0)] }, first);
  const state = await drive({ ...options, signal: abort.signal });
  expect(state.condition?.reason).toBe('Cancelled');
  expect(log).toContain('stop 0/1');
});

test('a run that is over is not driven again', async () => {
  const over = after(planOf([]), BEGIN, created(0), finished(handle(0)));
  const { options, log } = given(planOf([]), {}, over);
  expect(await drive(options)).toBe(over);
  expect(log).toEqual(['release']);
});

test('a runtime that can no longer observe ends the driver with its reason', async () => {
  const { options, out } = given(planOf([]), { run: () => out.close({ error: apiError(403, 'Forbidden') }) });
  await expect(drive(options)).rejects.toMatchObject({ code: 'Forbidden' });
});

test('a pod that nobody waits for is removed; one that is being started is adopted', async () => {
  const { options, out, log } = given(CHAIN, {
    run: (pod, say) => {
      // What the watch shows before the answer to the creation.
      out.push({ kind: 'appeared', pod });
      if (pod.group === 0) out.push({ kind: 'appeared', pod: handle(1, 3) });
      say(finished(pod));
    },
  });
  expect((await drive(options)).condition?.status).toBe('True');
  expect(log.filter((entry) => entry.startsWith('stop'))).toEqual(['stop 1/3']);
});

test('another pod by the name of one that counts is removed', async () => {
  const { options, out, log } = given(planOf([]), {
    run: (pod, say) => {
      setImmediate(() => {
        out.push({ kind: 'appeared', pod: { ...pod, uid: 'late' } });
        say(finished(pod));
      });
    },
  });
  await drive(options);
  expect(log.filter((entry) => entry.startsWith('stop'))).toEqual(['stop 0/1']);
});

test('what a first attempt has come to is written before the second one is made from it', async () => {
  const plan = retriedOnce(planOf([]));
  const { options, log } = given(plan, { present: [] }, after(plan, BEGIN, created(0)));
  await drive(options);
  expect(log.indexOf('flush')).toBeGreaterThanOrEqual(0);
  expect(log.indexOf('flush')).toBeLessThan(log.indexOf('start 0/2'));
});

test.each([
  ['the run is over', (): ReturnType<typeof after> => after(planOf([]), BEGIN, created(0), finished(handle(0)))],
  ['its record is gone', () => null],
])('a pod that was made after the lease was lost is taken back where %s', async (_, latest) => {
  const { options, log, lose } = given(planOf([]), { run: () => lose() });
  const runtime = { ...options.runtime, list: async () => [{ ...handle(0), uid: 'late' }, handle(1, 4)] };
  const record = { ...options.record, state: options.record.state, latest: async () => latest() };
  await expect(drive({ ...options, runtime, record })).rejects.toMatchObject({ code: 'DriverLost' });
  expect(log).toEqual(['start 0/1', 'stop 0/1']);
});

test('one that a later driver has counted, and whose task it has tried again, stays', async () => {
  const plan = retriedOnce(planOf([]));
  const { options, log, lose } = given(plan, { run: () => lose() });
  const runtime = { ...options.runtime, list: async () => [handle(0), handle(0, 2)] };
  const end = { kind: 'taskFinished', group: 0, attempt: 1, task: 0, outcome: 'failed', reason: 'StepFailed' } as const;
  const failed = { ...end, at: 3 };
  const over = after(plan, BEGIN, created(0), failed, created(0, 2), finished(handle(0, 2)));
  expect(over.phase).toBe('done');
  const record = { ...options.record, state: options.record.state, latest: async () => over };
  await expect(drive({ ...options, runtime, record })).rejects.toMatchObject({ code: 'DriverLost' });
  expect(log).toEqual(['start 0/1']);
});

test('one that a later driver has counted stays', async () => {
  const { options, log, lose } = given(planOf([]), { run: () => lose() });
  const runtime = { ...options.runtime, list: async () => [handle(0)] };
  const over = after(planOf([]), BEGIN, created(0), finished(handle(0)));
  const record = { ...options.record, state: options.record.state, latest: async () => over };
  await expect(drive({ ...options, runtime, record })).rejects.toMatchObject({ code: 'DriverLost' });
  expect(log).toEqual(['start 0/1']);
});

test('such a pod is left to the driver that follows, while there is one', async () => {
  const { options, log, lose } = given(planOf([]), { run: () => lose() });
  const runtime = { ...options.runtime, list: async () => [{ ...handle(0), uid: 'late' }] };
  await expect(drive({ ...options, runtime })).rejects.toMatchObject({ code: 'DriverLost' });
  expect(log).toEqual(['start 0/1']);
});

test('what could not be done within the lease is done again', async () => {
  let tries = 0;
  const { options, log } = given(planOf([]));
  const runtime = {
    ...options.runtime,
    start: async (...args: Parameters<typeof options.runtime.start>) => {
      tries += 1;
      if (tries > 1) return options.runtime.start(...args);
      throw new DOMException('too late', 'TimeoutError');
    },
  };
  const record = {
    ...options.record,
    state: options.record.state,
    check: async () => (tries === 0 ? AbortSignal.abort() : new AbortController().signal),
  };
  expect((await drive({ ...options, runtime, record })).condition?.status).toBe('True');
  expect(log).toContain('start 0/1');
  expect(tries).toBe(2);
});

test('a pod that was made without an answer is found and stopped when it is not wanted any more', async () => {
  const abort = new AbortController();
  const { options, log } = given(planOf([]));
  const runtime = {
    ...options.runtime,
    start: async () => {
      abort.abort();
      // The driver hears of the abort before the answer fails to come.
      await new Promise((done) => setImmediate(done));
      throw new WaybillError('Unreachable', 'no answer');
    },
    list: async () => [handle(0)],
  };
  const state = await drive({ ...options, runtime, signal: abort.signal });
  expect(state.condition?.reason).toBe('Cancelled');
  expect(log).toEqual(['wish Cancelled', 'stop 0/1', 'release']);
});

test('the pod of an earlier attempt that has told all is kept when a run goes on', async () => {
  const [node] = planOf([]).nodes;
  if (node === undefined) throw new Error('no node');
  const plan = { ...planOf([]), nodes: [{ ...node, retries: 1 }] };
  const failed = { ...finished(handle(0)), outcome: 'failed', reason: 'Failed' } as ReturnType<typeof finished>;
  const first = after(plan, BEGIN, created(0), failed);
  expect(first.groups[0]).toMatchObject({ phase: 'starting', attempt: 2 });
  const { options, log } = given(plan, { present: [handle(0), handle(0, 7)] }, first);
  expect((await drive(options)).condition?.status).toBe('True');
  expect(log.filter((entry) => /^(?:start|stop)/.test(entry)).toSorted()).toEqual(['start 0/2', 'stop 0/7']);
});

test('a run that was cancelled before its begin was written stops what its first driver had made', async () => {
  const { options, log } = given(planOf([]), { present: [handle(0)] });
  const record = {
    ...options.record,
    run: { ...options.record.run, epoch: 2 },
    state: options.record.state,
    onCancel: (call: (mode: 'Cancelled') => void) => call('Cancelled'),
  };
  expect((await drive({ ...options, record })).condition?.reason).toBe('Cancelled');
  expect(log).toEqual(['stop 0/1', 'release']);
});

test('a run begins when its record was made, whichever driver writes that down', async () => {
  const { options } = given(CHAIN, {}, initialState(CHAIN));
  const late = fakeClock(5_000_000);
  const state = await drive({ ...options, clock: late.clock });
  expect(state.startedAt).toBe(1_000_000);
});
