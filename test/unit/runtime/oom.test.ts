import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../src/engine/index.ts';
import { killedIn, withOom } from '../../../src/runtime/kubernetes/oom.ts';
import { planOf } from '../engine/fixture.ts';

const plan = planOf([{ name: 'a' }]);
const container = `step-${plan.nodes[0]?.steps[0]?.name}`;
const origin = { group: 0, attempt: 1, at: 1 };
const podWith = (reason: string): Pod => ({
  status: {
    containerStatuses: [
      {
        name: container,
        image: '',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: 137, reason } },
      },
    ],
  },
});
const finished = {
  kind: 'stepFinished',
  ...origin,
  task: 0,
  step: 0,
  exitCode: 137,
  reason: 'Error',
} as const satisfies EngineEvent;
const failed = {
  kind: 'taskFinished',
  ...origin,
  task: 0,
  outcome: 'failed',
  reason: 'StepFailed',
} as const satisfies EngineEvent;

test('only a step that was killed, and not by us, waits for the status of its container', () => {
  expect(killedIn(plan, finished)).toEqual([container]);
  expect(killedIn(plan, { ...finished, exitCode: 1 })).toEqual([]);
  expect(killedIn(plan, { ...finished, reason: 'TimeoutExceeded' })).toEqual([]);
  expect(killedIn(plan, failed)).toEqual([]);
});

test('what the kernel killed for its memory is StepOOM, anything else stays what it was', () => {
  expect(withOom(plan, podWith('OOMKilled'), finished)).toMatchObject({ reason: 'OOMKilled' });
  expect(withOom(plan, podWith('OOMKilled'), failed)).toMatchObject({ outcome: 'failed', reason: 'StepOOM' });
  for (const pod of [podWith('Error'), undefined]) {
    expect(withOom(plan, pod, finished)).toBe(finished);
    expect(withOom(plan, pod, failed)).toBe(failed);
  }
});

test('the closing says the same as the events before it', () => {
  const { kind: _, group: __, attempt: ___, at: ____, task, ...outcome } = failed;
  const steps = [{ exitCode: 137, reason: 'Error' as const }];
  const closing: EngineEvent = {
    kind: 'snapshot',
    ...origin,
    tasks: [{ task, ...outcome, finishedAt: '2026-01-01T00:00:00.000Z', steps }],
  };
  expect(killedIn(plan, closing)).toEqual([container]);
  expect(withOom(plan, podWith('OOMKilled'), closing)).toMatchObject({
    tasks: [{ reason: 'StepOOM', steps: [{ reason: 'OOMKilled' }] }],
  });
});
