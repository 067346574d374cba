import { digestOf, WaybillError } from '../../../src/core/index.ts';
import { type EngineEvent, initialState, type RunState } from '../../../src/engine/index.ts';
import type { Plan } from '../../../src/plan/index.ts';
import { Inbox } from '../../../src/runtime/inbox.ts';
import type {
  CancelMode,
  Clock,
  HeldRecord,
  Observation,
  PodHandle,
  PodRequest,
  RunRef,
  Runtime,
} from '../../../src/runtime/index.ts';

export const RUN: RunRef = {
  name: 'run',
  namespace: 'ours',
  uid: 'run-uid',
  planDigest: digestOf('plan'),
  owner: { name: 'waybill-run-run', uid: 'secret-uid' },
  epoch: 1,
  createdAt: 1_000_000,
};

/** A clock that stands until it is moved. */
export const fakeClock = (start = 1_000_000) => {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  const clock: Clock = {
    now: () => now,
    stopwatch: () => {
      const from = now;
      return () => now - from;
    },
    at: (at, call) => {
      const timer = { at, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > now || !timers.delete(timer)) continue;
      timer.call();
    }
  };
  return { clock, pass, timers };
};

/** A record in memory. `log` says in which order things were done. */
export const fakeRecord = (plan: Plan, log: string[], first: RunState = initialState(plan)) => {
  const lost = new AbortController();
  let state = first;
  let written = first;
  let onCancel: ((mode: CancelMode) => void) | undefined;
  const record = {
    run: RUN,
    get state() {
      return state;
    },
    save: (next) => {
      state = next;
    },
    flush: async () => {
      written = state;
      log.push('flush');
    },
    check: async () => {
      lost.signal.throwIfAborted();
      return new AbortController().signal;
    },
    cancel: (mode) => void log.push(`wish ${mode}`),
    latest: async () => state,
    onCancel: (call) => {
      onCancel = call;
    },
    lost: lost.signal,
    release: async () => {
      written = state;
      log.push('release');
    },
    abandon: () => {
      log.push('abandon');
    },
  } satisfies HeldRecord;
  return {
    record,
    written: () => written,
    wish: (mode: CancelMode) => onCancel?.(mode),
    lose: () => lost.abort(new WaybillError('DriverLost', 'lost')),
  };
};

/** Pods in memory. `run` decides what happens in a pod that is started; by default its task succeeds. */
export const fakeRuntime = (
  log: string[],
  {
    run = (pod, say) => say(finished(pod)),
    present = [],
    refuse = () => undefined,
  }: {
    run?: (pod: PodHandle, say: (event: EngineEvent) => void) => void;
    present?: readonly PodHandle[];
    refuse?: (request: PodRequest, tries: number) => Error | undefined;
  } = {},
) => {
  const out = new Inbox<Observation>();
  const tries = new Map<string, number>();
  const runtime = {
    name: 'fake',
    start: async (_, request) => {
      const { group, attempt } = request;
      const key = `${group}/${attempt}`;
      tries.set(key, (tries.get(key) ?? 0) + 1);
      const error = refuse(request, tries.get(key) ?? 0);
      if (error !== undefined) throw error;
      const handle = { name: `pod-${key}`, uid: `uid-${key}`, group, attempt };
      log.push(`start ${key}`);
      run(handle, (event) => out.push({ kind: 'event', uid: handle.uid, event }));
      return handle;
    },
    observe: (_, { signal }) => {
      signal.addEventListener('abort', () => out.close());
      out.push({ kind: 'present', pods: present });
      return out;
    },
    logs: async function* () {},
    stop: async (_, { group, attempt }) => {
      log.push(`stop ${group}/${attempt}`);
    },
    drain: async (_, { group, attempt }) => {
      log.push(`drain ${group}/${attempt}`);
    },
    list: async () => present,
  } satisfies Runtime;
  return { runtime, out };
};

/** The task of a pod of a one-task group has succeeded. */
export const finished = ({ group, attempt }: PodHandle): EngineEvent => ({
  kind: 'taskFinished',
  group,
  attempt,
  task: group,
  outcome: 'succeeded',
  reason: 'Succeeded',
  at: 1_000_100,
});

export const compile = (_: RunState, group: number, attempt: number): PodRequest => ({
  group,
  attempt,
  pod: {},
  secrets: [],
  claims: [],
  atOnce: 1,
});
