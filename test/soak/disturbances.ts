import { setTimeout as sleep } from 'node:timers/promises';
import { paused, without } from '../cluster/disturb.ts';
import type { Settings } from '../cluster/settings.ts';

/** A fault of the whole cluster, which all runs meet at once. */
export interface Disturbance {
  readonly name: string;
  readonly happen: (settings: Settings) => Promise<void>;
}

const AWAY = 5000;
const PAUSED = 10_000;

const DISTURBANCES: readonly Disturbance[] = [
  { name: 'kubelet restarted', happen: (settings) => without(settings, 'kubelet', () => sleep(AWAY)) },
  { name: 'API server restarted', happen: (settings) => without(settings, 'apiserver', () => sleep(AWAY)) },
  { name: 'containerd restarted', happen: (settings) => without(settings, 'containerd', () => sleep(AWAY)) },
  { name: 'etcd paused', happen: (settings) => paused(settings, 'etcd', () => sleep(PAUSED)) },
];

/** After how many ended runs each happens: evenly over the soak, none at its ends. */
export const scheduleOf = (runs: number): ReadonlyMap<number, Disturbance> =>
  new Map(
    DISTURBANCES.map((disturbance, index) => [
      Math.round(((index + 1) * runs) / (DISTURBANCES.length + 1)),
      disturbance,
    ]),
  );
