import { expect, test } from 'vitest';
import { newRecord } from '../../../src/record/index.ts';
import { createRecordStore, deleteOrphans, findOrphans } from '../../../src/runtime/index.ts';
import { fakeApi } from './api.ts';
import { fakeClock } from './fakes.ts';
import { planOf } from './plan.ts';

const RECORD = newRecord(planOf([]), { uid: 'run-uid', createdAt: 1, agentImage: 'agent' });
const SECRET = 'secrets/waybill-run-run';
const LABELS = {
  'app.kubernetes.io/managed-by': 'waybill',
  'waybill.dev/run': 'run',
  'waybill.dev/run-uid': 'run-uid',
};

/** A cluster without a garbage collector: an owner that waits for its dependents waits for ever. `holds` names what never goes. */
const given = async (holds?: string) => {
  const api = fakeApi();
  const remove = api.client.delete;
  const gone: string[] = [];
  const client = {
    ...api.client,
    delete: async (plural: 'pods', name: string, options: { propagation?: string } = {}) => {
      const key = `${plural}/${name}`;
      const object = api.objects.get(key);
      if (object === undefined || (options.propagation !== 'Foreground' && key !== holds)) {
        gone.push(key);
        return remove(plural, name);
      }
      const metadata = { ...object.metadata, deletionTimestamp: 'now', finalizers: ['example.com/held'] };
      api.objects.set(key, { ...object, metadata });
      return true;
    },
  } as typeof api.client;
  const store = createRecordStore({ client, clock: fakeClock().clock, pause: async () => {} });
  await store.create(RECORD, { holder: 'me' });
  await client.create('pods', { metadata: { name: 'pod', labels: LABELS } });
  await client.create('persistentvolumeclaims', { metadata: { name: 'claim', labels: LABELS } });
  return { ...api, client, store, gone };
};

test('where nobody collects, all is deleted one by one, and the record at last', async () => {
  const { store, objects, gone } = await given();
  await store.delete('ours', 'run');
  expect(objects.size).toBe(0);
  expect(gone).toEqual(['pods/pod', 'persistentvolumeclaims/claim', SECRET]);
});

test('what does not go is named, and the record stays with it', async () => {
  const { store, objects } = await given('pods/pod');
  await expect(store.delete('ours', 'run')).rejects.toMatchObject({
    code: 'KubeError',
    message: expect.stringContaining('pods/pod (finalizers example.com/held)'),
  });
  expect(objects.has(SECRET)).toBe(true);
});

test('a Secret of the right name that is no record is not touched', async () => {
  const { store, objects, client } = await given();
  objects.delete(SECRET);
  await client.create('secrets', { metadata: { name: 'waybill-run-run' }, type: 'Opaque' });
  await expect(store.delete('ours', 'run')).rejects.toMatchObject({ code: 'BadRecord' });
  expect(objects.has(SECRET)).toBe(true);
});

test('orphans are what has lost its record', async () => {
  const { client, objects } = await given();
  expect(await findOrphans(client, 'ours', undefined)).toEqual([]);
  objects.delete(SECRET);
  const found = await findOrphans(client, 'ours', undefined);
  expect(found.map(({ kind, name, run }) => `${kind}/${name} of ${run}`)).toEqual([
    'pods/pod of run',
    'persistentvolumeclaims/claim of run',
  ]);
  await deleteOrphans(client, 'ours', found, undefined);
  expect(objects.size).toBe(0);
});
