import { setTimeout as sleep } from 'node:timers/promises';
import { pipelineFor } from './pipeline.ts';
import type { SoakRun } from './plan.ts';
import type { Began } from './pool.ts';
import { insist, type Play, type Stage } from './stage.ts';

/** Drivers of one run at most. */
const DRIVERS = 5;
/** Milliseconds that a quota has no room. */
const FULL = 4000;

/** A run that the one process drives which drives many. */
export const playByLibrary: Play = async (stage, run, signal) => {
  const { space, library } = stage;
  const began = Date.now();
  const order = { name: run.name, grouping: run.grouping, pipeline: pipelineFor(run, space.cluster.registry) };
  const complaints: string[] = [];
  const strikes: Promise<void>[] = [];
  let struck = false;
  const onBegan = (told: Began): void => {
    if (struck || told.task !== 'middle' || !run.fault.startsWith('pod-deleted')) return;
    struck = true;
    strikes.push(deletePod(stage, told.pod, signal));
  };
  if (run.fault === 'quota-full') strikes.push(fillQuota(stage, run, signal));
  for (let drivers = 1; ; drivers += 1) {
    const outcome = await library.drive(order, onBegan);
    if (outcome.kind === 'ended') {
      await Promise.all(strikes);
      const { status, reason } = outcome;
      return { status, reason, exit: null, again: drivers - 1, complaints };
    }
    const { code, message, held } = outcome;
    // A run that is under way bears what befalls the cluster; one that cannot be written down yet does not begin.
    if (held || !stage.disturbedSince(began)) complaints.push(`its driver ended: ${code}: ${message}`);
    if (drivers >= DRIVERS || code === 'Gone') {
      return { status: 'Unknown', reason: code, exit: null, again: drivers - 1, complaints };
    }
    await sleep(1000, undefined, { signal });
  }
};

const deletePod = async ({ space }: Stage, pod: string, signal: AbortSignal): Promise<void> => {
  await insist(`to delete ${pod}`, () => space.client.delete('pods', pod, { graceSeconds: 0 }), signal);
};

/** For everybody in the namespace: no further pod for some seconds. */
const fillQuota = async ({ admin, space }: Stage, { name, after }: SoakRun, signal: AbortSignal): Promise<void> => {
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name, namespace: space.name },
    spec: { hard: { pods: '0' } },
  };
  await sleep(after / 4, undefined, { signal });
  await insist('to make a quota', () => admin.create(quota), signal);
  try {
    await sleep(FULL, undefined, { signal });
  } finally {
    await insist('to delete a quota', () => admin.delete(quota));
  }
};
