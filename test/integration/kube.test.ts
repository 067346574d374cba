import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiErrorOf,
  createClient,
  followLog,
  type KubeClient,
  loadClusterAccess,
  watch,
} from '../../src/kube/index.ts';
import { newRecord } from '../../src/record/index.ts';
import { createRecordStore, type DriverEvent, drive, kubernetesRuntime, podCompiler } from '../../src/runtime/index.ts';
import { PodTracker } from '../../src/runtime/kubernetes/tracker.ts';
import { testCluster } from '../support/cluster.ts';
import { planOf } from '../unit/runtime/plan.ts';

const NAMESPACE = `kube-${randomUUID().slice(0, 8)}`;
const IMAGE = 'docker.io/library/busybox:1.36';

let client: KubeClient;
let agentImage: string | undefined;

beforeAll(async () => {
  const cluster = await testCluster();
  agentImage = cluster.agentImage;
  const access = await loadClusterAccess({ env: {}, home: homedir(), file: cluster.kubeconfig });
  client = createClient({ ...access, namespace: NAMESPACE });
  await client.create('namespaces', { metadata: { name: NAMESPACE } });
  // Pods are refused until their service account has been made.
  for await (const change of watch(client, 'serviceaccounts')) {
    if (change.type !== 'synced' && change.object.metadata.name === 'default') break;
  }
}, 600_000);

afterAll(async () => {
  await client?.delete('namespaces', NAMESPACE, { propagation: 'Background' });
  await client?.close();
});

const podOf = (name: string, script: string): Pod => ({
  metadata: { name, labels: { test: name } },
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: IMAGE, command: ['sh', '-c', script] }],
  },
});

test('a watch tells of objects before and after it began', async () => {
  const names: string[] = [];
  await client.create('configmaps', { metadata: { name: 'before', labels: { test: 'watch' } } });
  for await (const change of watch(client, 'configmaps', { labelSelector: 'test=watch' })) {
    names.push(change.type === 'synced' ? 'synced' : `${change.type} ${change.object.metadata.name}`);
    if (change.type === 'synced') {
      await client.create('configmaps', { metadata: { name: 'after', labels: { test: 'watch' } } });
      await client.patch('configmaps', 'after', { data: { key: 'value' } });
      await client.delete('configmaps', 'before');
    }
    if (change.type === 'deleted') break;
  }
  expect(names).toEqual(['added before', 'synced', 'added after', 'modified after', 'deleted before']);
});

test('a watch from a version that is too old says so', async ({ skip }) => {
  const stream = client.stream('configmaps', {
    query: { watch: 'true', resourceVersion: '1', timeoutSeconds: '2' },
    what: 'watch configmaps',
  });
  const text = await stream
    .then(async (body) => Buffer.concat(await Array.fromAsync(body)).toString())
    .catch((error: unknown) => String(apiErrorOf(error)?.status));
  // A server that has just been made remembers everything; the unit tests have one that does not.
  if (text.includes('"type":"ADDED"') || text === '')
    skip('this API server is so young that it knows its first version');
  expect(text).toMatch(/410|Expired/);
});

test('a change under a version that has passed is a conflict, a second creation too', async () => {
  const { metadata } = await client.create('configmaps', { metadata: { name: 'versions' } });
  const { resourceVersion } = metadata;
  await client.patch('configmaps', 'versions', { data: { a: '1' } }, { resourceVersion });
  await expect(client.patch('configmaps', 'versions', {}, { resourceVersion })).rejects.toSatisfy(
    (error) => apiErrorOf(error)?.reason === 'Conflict',
  );
  await expect(client.create('configmaps', { metadata: { name: 'versions' } })).rejects.toSatisfy(
    (error) => apiErrorOf(error)?.reason === 'AlreadyExists',
  );
  await expect(client.get('configmaps', 'nobody')).rejects.toMatchObject({ code: 'NotFound' });
});

test('a log is whole, from its first line to one without an end', async () => {
  const tracker = new PodTracker();
  const over = new AbortController();
  const watching = (async () => {
    for await (const change of watch(client, 'pods', { labelSelector: 'test=log', signal: over.signal })) {
      if (change.type !== 'synced') tracker.set(change.object.metadata.name, change.object);
    }
  })();
  await client.create('pods', podOf('log', 'for i in 1 2 3; do echo line $i; sleep 1; done; echo; printf end'));
  const read = followLog(client, { pod: 'log', container: 'c', view: tracker.view('log', 'c') });
  const seen = (await Array.fromAsync(read)).map((line) => line.toString());
  over.abort();
  await watching;
  expect(seen).toEqual(['line 1', 'line 2', 'line 3', '', 'end']);
});

const recordOf = (name: string, plan = planOf([])) =>
  newRecord(
    { ...plan, name, namespace: NAMESPACE },
    { uid: randomUUID(), createdAt: Date.now(), agentImage: agentImage ?? 'none' },
  );

test('one driver at a time holds a record, and a replaced one cannot write', async () => {
  const store = createRecordStore({ client });
  const record = recordOf('lease');
  const first = await store.create(record, { holder: 'first' });
  await expect(store.create(record, { holder: 'other' })).rejects.toMatchObject({ code: 'RunExists' });
  await expect(store.take(NAMESPACE, 'lease', { holder: 'second' })).rejects.toMatchObject({ code: 'DriverAlive' });

  const { held: second } = await store.take(NAMESPACE, 'lease', { holder: 'second', force: true });
  expect(second.run.epoch).toBe(2);
  first.save({ ...record.state, phase: 'stopping' });
  await expect(first.flush()).rejects.toMatchObject({ code: 'DriverLost' });
  expect(first.lost.aborted).toBe(true);

  second.save({ ...record.state, startedAt: 7 });
  await second.flush();
  const loaded = await store.load(NAMESPACE, 'lease');
  expect(loaded).toMatchObject({ driverAlive: true, lease: { holder: 'second', epoch: 2 } });
  expect(loaded.record.state).toMatchObject({ startedAt: 7, phase: 'running' });
  await second.release();

  const { held: third } = await store.take(NAMESPACE, 'lease', { holder: 'third' });
  expect(third.run.epoch).toBe(3);
  third.abandon();
});

test('a wish to cancel reaches the driver, and does not stop it from writing', async () => {
  const store = createRecordStore({ client });
  const record = recordOf('wish');
  const held = await store.create(record, { holder: 'driver' });
  const wished = new Promise((done) => held.onCancel(done));
  expect(await store.wish(NAMESPACE, 'wish', 'Cancelled')).toEqual({ driverAlive: true });
  held.save({ ...record.state, startedAt: 7 });
  await held.flush();
  expect(await wished).toBe('Cancelled');
  await held.release();
  const { driverAlive, cancel } = await store.load(NAMESPACE, 'wish');
  expect({ driverAlive, cancel }).toEqual({ driverAlive: false, cancel: 'Cancelled' });
});

test('records are listed without their content, and deleted with all they own', async () => {
  const store = createRecordStore({ client });
  const record = recordOf('gone');
  const held = await store.create(record, { holder: 'driver' });
  await held.release();
  const owner = { apiVersion: 'v1', kind: 'Secret', ...held.run.owner, controller: true };
  const labels = { 'waybill.dev/run-uid': record.uid };
  await client.create('pods', {
    ...podOf('gone', 'sleep 600'),
    metadata: { name: 'gone', labels, ownerReferences: [owner] },
  });
  expect((await store.list(NAMESPACE)).map(({ name }) => name)).toContain('gone');
  await store.delete(NAMESPACE, 'gone');
  await expect(client.get('pods', 'gone')).rejects.toMatchObject({ code: 'NotFound' });
  await expect(store.load(NAMESPACE, 'gone')).rejects.toMatchObject({ code: 'RunNotFound' });
  await expect(store.delete(NAMESPACE, 'gone')).rejects.toMatchObject({ code: 'RunNotFound' });
});

const start = async (name: string, script: string, needs: readonly (readonly number[])[]) => {
  const plan = planOf(...needs);
  const nodes = plan.nodes.map((node) => ({
    ...node,
    runName: `${name}-${node.name}`,
    steps: node.steps.map((step) => ({ ...step, image: [IMAGE], command: [], script: [`#!/bin/sh\n${script}`] })),
  }));
  const record = recordOf(name, { ...plan, nodes });
  const store = createRecordStore({ client });
  const held = await store.create(record, { holder: 'driver' });
  return { store, held, record };
};

const driveHere = (
  { held, record }: Pick<Awaited<ReturnType<typeof start>>, 'held' | 'record'>,
  onEvent: (event: DriverEvent) => void = () => {},
  signals: { signal?: AbortSignal; force?: AbortSignal } = {},
) => {
  const runtime = kubernetesRuntime(client);
  const compile = podCompiler(record.plan, record.uid, record);
  return { runtime, state: drive({ plan: record.plan, record: held, runtime, compile, onEvent, ...signals }) };
};

test('a run goes to its end in few requests', async (context) => {
  context.skip(agentImage === undefined, 'no agent image on this cluster: set WAYBILL_AGENT_IMAGE');
  const before = { ...client.counters };
  const began = Date.now();
  const run = await start('short', 'echo hello', [[], [0]]);
  const { runtime, state } = driveHere(run);
  expect(await state).toMatchObject({ phase: 'done', condition: { status: 'True' } });
  // On a slow machine what has come to be is written meanwhile, every two seconds at most, and a log that is late is asked
  // for again.
  const meanwhile = Math.floor((Date.now() - began) / 2000);
  // The record made, two pods, the record before the second pod, and at the end; beside these LimitRanges, pods, Events,
  // and what the pods say.
  expect(client.counters.writes - before.writes).toBeLessThanOrEqual(6 + meanwhile);
  expect(client.counters.requests - before.requests).toBeLessThanOrEqual(14 + 2 * meanwhile);
  const pod = (await state).nodes[1]?.pod ?? '';
  const lines = await Array.fromAsync(runtime.logs(run.held.run, pod, 'step-step'));
  expect(lines.map((line) => line.toString())).toEqual(['hello']);
});

test('a run whose driver was killed goes on without a second pod', async (context) => {
  context.skip(agentImage === undefined, 'no agent image on this cluster: set WAYBILL_AGENT_IMAGE');
  const run = await start('resume', 'sleep 3', [[], [0]]);
  const kill = new AbortController();
  const { state } = driveHere(
    run,
    (event) => event.kind === 'changed' && event.event.kind === 'stepStarted' && kill.abort(),
    {
      force: kill.signal,
    },
  );
  await expect(state).rejects.toThrow();
  const taken = await run.store.take(NAMESPACE, 'resume', { holder: 'second', force: true });
  const last = await driveHere(taken).state;
  expect(last.condition?.status).toBe('True');
  const { items } = await client.list('pods', { labelSelector: `waybill.dev/run-uid=${run.record.uid}` });
  expect(items).toHaveLength(2);
});

test('a run that is cancelled stops its pods', async (context) => {
  context.skip(agentImage === undefined, 'no agent image on this cluster: set WAYBILL_AGENT_IMAGE');
  const run = await start('cancel', 'sleep 600', [[]]);
  const { state } = driveHere(run, (event) => {
    if (event.kind === 'changed' && event.event.kind === 'stepStarted')
      void run.store.wish(NAMESPACE, 'cancel', 'Cancelled');
  });
  expect((await state).condition).toMatchObject({ status: 'False', reason: 'Cancelled' });
  await run.store.delete(NAMESPACE, 'cancel');
});
