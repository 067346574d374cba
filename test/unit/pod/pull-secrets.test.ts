import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { interpretPod, SUPERVISOR, troublesOf } from 'waybill/pod';
import { planOf } from '../engine/fixture.ts';

const PLAN = planOf([{ name: 'a' }]);
const START = Date.parse('2026-01-01T00:00:00Z');

const podWith = (secrets: readonly string[]): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [], imagePullSecrets: secrets.map((name) => ({ name })) },
  status: {
    phase: 'Pending',
    containerStatuses: [
      { name: SUPERVISOR, state: { running: {} } },
      {
        name: 'step-main',
        image: 'r.example/private:1',
        state: { waiting: { reason: 'ErrImagePull', message: 'pulling failed with 401 Unauthorized' } },
      },
    ].map((status) => ({ image: 'i', imageID: '', ready: false, restartCount: 0, ...status })),
  },
});

const lossAfter = (pod: Pod, ...times: readonly number[]) => {
  const troubles = troublesOf();
  const look = (at: number) => interpretPod(PLAN, pod, { group: 0, attempt: 1 }, { at, deleted: false, troubles });
  return times.map((time) => look(START + time).events.length);
};

test('a pod without secrets is not let in later either', () => {
  expect(lossAfter(podWith([]), 0)).toEqual([1]);
});

test('a kubelet that has secrets to show asks once more', () => {
  expect(lossAfter(podWith(['regcred']), 0, 20_000, 30_000)).toEqual([0, 0, 1]);
});
