import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { WaybillError } from '../../../src/core/index.ts';
import { newRecord } from '../../../src/record/index.ts';
import { createRecordStore } from '../../../src/runtime/index.ts';
import { fakeApi } from './api.ts';
import { fakeClock } from './fakes.ts';
import { planOf } from './plan.ts';

const RECORD = newRecord(planOf([]), { uid: 'run-uid', createdAt: 1, agentImage: 'agent' });
const NAME = 'secrets/waybill-run-run';
const large = (seed: string) => [{ name: seed, value: randomBytes(1_200_000).toString('base64') }];
const LARGE = { ...RECORD, state: { ...RECORD.state, results: large('a') } };

const given = (before?: Parameters<typeof fakeApi>[0]) => {
  const api = fakeApi(before);
  const time = fakeClock(1_800_000_000_000);
  const store = createRecordStore({ client: api.client, clock: time.clock, pause: async () => {} });
  return { ...api, ...time, store };
};

const settle = () => new Promise((done) => setImmediate(done));
const writes = (calls: readonly string[]) => calls.filter((call) => call === `patch ${NAME}`).length;

test('a record comes back as it was written, with its lease', async () => {
  const { store, objects } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  expect(objects.get(NAME)?.type).toBe('waybill.dev/run.v1');
  const { record, lease, driverAlive, run } = await store.load('ours', 'run');
  expect(record).toEqual(RECORD);
  expect(lease).toEqual({ holder: 'me', epoch: 1, renewed: 1_800_000_000_000 });
  expect(driverAlive).toBe(true);
  expect(run).toEqual(held.run);
});

test('states that come together are written once, and giving the lease back is one write with the last', async () => {
  const { store, calls, pass } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  for (let startedAt = 1; startedAt <= 50; startedAt += 1) held.save({ ...RECORD.state, startedAt });
  pass(2000);
  await settle();
  expect(writes(calls)).toBe(1);
  held.save({ ...RECORD.state, startedAt: 51 });
  await held.release();
  expect(writes(calls)).toBe(2);
  const { record, lease, driverAlive } = await store.load('ours', 'run');
  expect(record.state.startedAt).toBe(51);
  expect([lease.holder, driverAlive]).toEqual(['', false]);
});

test('at most one write is in flight, and what comes meanwhile is written after it', async () => {
  let open = (): void => {};
  let flying = 0;
  let most = 0;
  const { store, calls } = given(async (call) => {
    if (!call.startsWith('patch')) return;
    flying += 1;
    most = Math.max(most, flying);
    await new Promise<void>((done) => {
      open = done;
    });
    flying -= 1;
  });
  const held = await store.create(RECORD, { holder: 'me' });
  held.save({ ...RECORD.state, startedAt: 1 });
  const flushed = held.flush();
  await settle();
  held.save({ ...RECORD.state, startedAt: 2 });
  held.save({ ...RECORD.state, startedAt: 3 });
  const again = held.flush();
  open();
  await settle();
  open();
  await Promise.all([flushed, again]);
  expect([writes(calls), most]).toEqual([2, 1]);
  expect((await store.load('ours', 'run')).record.state.startedAt).toBe(3);
});

test('a lease is renewed every ten seconds, and may be taken after thirty', async () => {
  const { store, calls, pass } = given();
  const held = await store.create(RECORD, { holder: 'first' });
  for (let i = 0; i < 4; i += 1) {
    pass(10_000);
    await settle();
  }
  expect(writes(calls)).toBe(4);
  pass(1000);
  await expect(store.take('ours', 'run', { holder: 'second' })).rejects.toMatchObject({ code: 'DriverAlive' });
  held.abandon();
  pass(30_000);
  const { held: second } = await store.take('ours', 'run', { holder: 'second' });
  expect(second.run.epoch).toBe(2);
});

/** A store whose waiting is the passing of the clock; `meanwhile` is called with each wait. */
const waiting = (meanwhile: (milliseconds: number) => Promise<void> = async () => {}) => {
  const made = given();
  const pause = async (milliseconds: number): Promise<void> => {
    made.pass(milliseconds);
    await settle();
    await meanwhile(milliseconds);
  };
  return { ...made, patient: createRecordStore({ client: made.client, clock: made.clock, pause }) };
};

test('a lease that a dead driver left behind is waited for', async () => {
  const { patient, store, pass, clock } = waiting();
  (await store.create(RECORD, { holder: 'dead' })).abandon();
  pass(2000);
  const waits: unknown[] = [];
  const before = clock.now();
  const { held } = await patient.take('ours', 'run', { holder: 'next', onWait: (wait) => waits.push(wait) });
  expect(held.run.epoch).toBe(2);
  expect(waits).toEqual([{ holder: 'dead', milliseconds: 28_000 }]);
  expect(clock.now() - before).toBe(28_000);
});

test('a driver that renews its lease meanwhile is alive', async () => {
  const { patient, store, clock } = waiting();
  await store.create(RECORD, { holder: 'alive' });
  const before = clock.now();
  const taken = patient.take('ours', 'run', { holder: 'next', onWait: () => {} });
  await expect(taken).rejects.toMatchObject({ code: 'DriverAlive' });
  expect(clock.now() - before).toBeLessThanOrEqual(11_000);
});

test('a driver that gives its lease back meanwhile makes room', async () => {
  let release: (() => Promise<void>) | undefined;
  const { patient, store } = waiting(async () => {
    await release?.();
    release = undefined;
  });
  const held = await store.create(RECORD, { holder: 'alive' });
  release = () => held.release();
  const { held: next } = await patient.take('ours', 'run', { holder: 'next', onWait: () => {} });
  expect(next.run.epoch).toBe(2);
});

test('nobody waits for a holder that is known to be gone', async () => {
  const { store } = given();
  (await store.create(RECORD, { holder: 'host/1' })).abandon();
  const isGone = (holder: string) => holder === 'host/1';
  const { held } = await store.take('ours', 'run', { holder: 'host/2', isGone });
  expect(held.run.epoch).toBe(2);
});

test('a driver that was replaced is told with its next write, and has changed nothing', async () => {
  const { store } = given();
  const first = await store.create(RECORD, { holder: 'first' });
  const { held: second } = await store.take('ours', 'run', { holder: 'second', force: true });
  first.save({ ...RECORD.state, startedAt: 666 });
  await expect(first.flush()).rejects.toMatchObject({ code: 'DriverLost' });
  await expect(first.check()).rejects.toMatchObject({ code: 'DriverLost' });
  await second.check();
  const { record, lease } = await store.load('ours', 'run');
  expect([record.state.startedAt, lease.epoch]).toEqual([null, 2]);
});

test('a driver whose lease may have run out renews it before it acts', async () => {
  const { store, pass, calls } = given();
  const held = await store.create(RECORD, { holder: 'first' });
  await held.check();
  expect(writes(calls)).toBe(0);
  held.abandon();
  pass(26_000);
  await held.check();
  expect(writes(calls)).toBe(1);
});

test('a wish that comes between two writes is heard, and the write is made', async () => {
  const { store } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  const wishes: string[] = [];
  held.onCancel((mode) => wishes.push(mode));
  await store.wish('ours', 'run', 'Cancelled');
  held.save({ ...RECORD.state, startedAt: 5 });
  await held.flush();
  expect(wishes).toEqual(['Cancelled']);
  const { record, cancel } = await store.load('ours', 'run');
  expect([record.state.startedAt, cancel]).toEqual([5, 'Cancelled']);
});

test('an API server that is away for a while costs nothing but time', async () => {
  let away = 0;
  const { store } = given((call) => {
    if (!call.startsWith('patch') || away === 0) return;
    away -= 1;
    throw new WaybillError('Unreachable', 'away');
  });
  const held = await store.create(RECORD, { holder: 'me' });
  away = 7;
  held.save({ ...RECORD.state, startedAt: 5 });
  await held.flush();
  expect((await store.load('ours', 'run')).record.state.startedAt).toBe(5);
});

test('a record that was deleted is lost', async () => {
  const { store, objects } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  objects.delete(NAME);
  held.save(RECORD.state);
  // There is nothing left to look at.
  await expect(held.flush()).rejects.toMatchObject({ code: 'DriverLost', hint: undefined });
});

test('large records are kept in parts; what a newer state does not need is cleared away', async () => {
  const { store, objects } = given();
  const held = await store.create(LARGE, { holder: 'me' });
  const parts = () => [...objects.keys()].filter((key) => key !== NAME);
  const first = parts();
  expect(first.length).toBeGreaterThan(0);
  const next = { ...RECORD.state, results: large('b') };
  held.save(next);
  await held.flush();
  expect((await store.load('ours', 'run')).record.state).toEqual(next);
  expect(parts().some((key) => first.includes(key))).toBe(false);
  held.save(RECORD.state);
  await held.release();
  expect(parts()).toEqual([]);
});

test('what is no record is refused', async () => {
  const { store, objects } = given();
  await expect(store.load('ours', 'nobody')).rejects.toMatchObject({ code: 'RunNotFound' });
  await expect(store.wish('ours', 'nobody', 'Cancelled')).rejects.toMatchObject({ code: 'RunNotFound' });
  await store.create(RECORD, { holder: 'me' });
  await expect(store.create({ ...RECORD, uid: 'other' }, { holder: 'other' })).rejects.toMatchObject({
    code: 'RunExists',
  });
  const secret = objects.get(NAME);
  objects.set(NAME, { ...secret, data: { record: 'AAAA', parts: 'W10=' } } as never);
  await expect(store.load('ours', 'run')).rejects.toMatchObject({ code: 'BadRecord' });
  objects.set(NAME, { ...secret, type: 'Opaque' } as never);
  await expect(store.load('ours', 'run')).rejects.toMatchObject({ code: 'BadRecord' });
});

test('a record whose creation was cut off names no part that is not there, and can be deleted', async () => {
  let alive = true;
  const { store, objects } = given((call) => {
    if (call.startsWith('create secrets/waybill-run-run-')) alive = false;
    if (!alive) throw new WaybillError('Unreachable', 'away');
  });
  await expect(store.create(LARGE, { holder: 'me' })).rejects.toMatchObject({ code: 'Unreachable' });
  alive = true;
  await expect(store.load('ours', 'run')).rejects.toMatchObject({ code: 'BadRecord' });
  await expect(store.create(LARGE, { holder: 'other' })).rejects.toMatchObject({ code: 'RunExists' });
  await store.delete('ours', 'run');
  expect(objects.size).toBe(0);
});

test('a record that moves on while its parts are read is read again', async () => {
  let move: (() => Promise<void>) | undefined;
  const { store } = given(async (call) => {
    if (!call.startsWith('get secrets/waybill-run-run-')) return;
    const now = move;
    move = undefined;
    await now?.();
  });
  const held = await store.create(LARGE, { holder: 'me' });
  const next = { ...RECORD.state, results: large('b') };
  move = async () => {
    held.save(next);
    await held.flush();
  };
  expect((await store.load('ours', 'run')).record.state).toEqual(next);
});

test('a record that names a part that is gone for good is unreadable, not missing', async () => {
  const { store, objects } = given();
  await store.create(LARGE, { holder: 'me' });
  for (const key of objects.keys()) if (key !== NAME) objects.delete(key);
  await expect(store.load('ours', 'run')).rejects.toMatchObject({ code: 'BadRecord' });
  await store.delete('ours', 'run');
  expect(objects.size).toBe(0);
});

test('parts that a driver left behind are removed when the run is taken over', async () => {
  let alive = true;
  const { store, objects, pass } = given((call) => {
    if (!alive && call === `patch ${NAME}`) throw new WaybillError('Forbidden', 'killed here');
  });
  const held = await store.create(LARGE, { holder: 'me' });
  const before = [...objects.keys()];
  alive = false;
  held.save({ ...RECORD.state, results: large('b') });
  await expect(held.flush()).rejects.toMatchObject({ code: 'Forbidden' });
  held.abandon();
  expect(objects.size).toBeGreaterThan(before.length);
  alive = true;
  pass(60_000);
  const { record } = await store.take('ours', 'run', { holder: 'next' });
  expect([...objects.keys()]).toEqual(before);
  expect(record.state).toEqual(LARGE.state);
});

test('parts that may not be deleted cost nothing but room', async () => {
  const { store } = given((call) => {
    if (call.startsWith('delete')) throw new WaybillError('Forbidden', 'no right');
  });
  const held = await store.create(LARGE, { holder: 'me' });
  held.save({ ...RECORD.state, startedAt: 5 });
  await held.flush();
  expect((await store.load('ours', 'run')).record.state.startedAt).toBe(5);
});

test('a run that is being deleted is not taken over', async () => {
  const { store, objects } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  await held.release();
  const secret = objects.get(NAME);
  objects.set(NAME, { ...secret, metadata: { ...secret?.metadata, deletionTimestamp: 'now' } } as never);
  await expect(store.take('ours', 'run', { holder: 'next' })).rejects.toMatchObject({ code: 'RunNotFound' });
});

test('a driver that is replaced sees what has become of the run', async () => {
  const { store, objects } = given();
  const first = await store.create(RECORD, { holder: 'first' });
  const { held: second } = await store.take('ours', 'run', { holder: 'second', force: true });
  second.save({ ...RECORD.state, startedAt: 7 });
  await second.flush();
  expect((await first.latest())?.startedAt).toBe(7);
  objects.clear();
  expect(await first.latest()).toBeNull();
});

test('a wish of the driver itself is written, and stays', async () => {
  const { store } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  held.cancel('Cancelled');
  await settle();
  expect((await store.load('ours', 'run')).cancel).toBe('Cancelled');
  await held.release();
  const { held: next } = await store.take('ours', 'run', { holder: 'next' });
  const wishes: string[] = [];
  next.onCancel((mode) => wishes.push(mode));
  expect(wishes).toEqual(['Cancelled']);
});

test('a run is found over by its list and by itself', async () => {
  const { store } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  expect((await store.look('ours', 'run')).finished).toBeNull();
  held.save({ ...RECORD.state, startedAt: 5, finishedAt: 1_800_000_000_500 });
  await held.release();
  expect(await store.look('ours', 'run')).toMatchObject({ finished: 1_800_000_000_500, driverAlive: false });
});

test('whoever is to act has time for it: an older lease is renewed first', async () => {
  const { store, pass, calls } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  held.abandon();
  pass(14_000);
  expect((await held.check()).aborted).toBe(false);
  expect(writes(calls)).toBe(0);
  pass(2000);
  await held.check();
  expect(writes(calls)).toBe(1);
});

test('whoever has given the lease back may not act any more', async () => {
  const { store } = given();
  const held = await store.create(RECORD, { holder: 'me' });
  await held.release();
  await expect(held.check()).rejects.toMatchObject({ code: 'DriverLost' });
});
