/** What may befall one run. Faults of the whole cluster are in `disturbances.ts`. */
export type Fault =
  | 'none'
  | 'driver-killed'
  | 'driver-stopped'
  | 'pod-deleted'
  | 'pod-deleted-retry'
  | 'step-fails'
  | 'step-oom'
  | 'image-missing'
  | 'timeout'
  | 'cancelled'
  | 'streams-cut'
  | 'api-slow'
  | 'quota-full';

/** How often a task may write down that it was executed: at least, at most. */
type Times = readonly [number, number];

export interface FaultSpec {
  /** What drives the run: the one process that drives many, or a process of the tool for this run alone. */
  readonly driver: 'library' | 'tool';
  /** The end of the run: status and reason of its condition. */
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly exit: number;
  readonly times: { readonly first: Times; readonly middle: Times; readonly last: Times };
}

const ONCE: Times = [1, 1];
const MAYBE: Times = [0, 1];
const well = {
  status: 'True',
  reason: 'Succeeded',
  exit: 0,
  times: { first: ONCE, middle: ONCE, last: ONCE },
} as const;
const failed = { ...well, status: 'False', reason: 'Failed', exit: 1 } as const;

/**
 * The end of a run by its fault. The last task is a `finally` task: it runs in every case but a cancelled run. What cannot be
 * known beforehand (whether a step had written its line when its run was cancelled) may be either.
 */
export const FAULTS: Readonly<Record<Fault, FaultSpec>> = {
  none: { ...well, driver: 'library' },
  'driver-killed': { ...well, driver: 'tool' },
  'driver-stopped': { ...well, driver: 'tool' },
  'pod-deleted': { ...failed, driver: 'library' },
  'pod-deleted-retry': { ...well, driver: 'library', times: { ...well.times, middle: [2, 2] } },
  'step-fails': { ...failed, driver: 'library' },
  'step-oom': { ...failed, driver: 'library' },
  'image-missing': { ...failed, driver: 'library', times: { first: MAYBE, middle: [0, 0], last: ONCE } },
  timeout: { ...failed, driver: 'library', times: { ...well.times, middle: MAYBE } },
  cancelled: {
    ...failed,
    driver: 'tool',
    reason: 'Cancelled',
    exit: 130,
    times: { first: MAYBE, middle: MAYBE, last: [0, 0] },
  },
  'streams-cut': { ...well, driver: 'tool' },
  'api-slow': { ...well, driver: 'tool' },
  'quota-full': { ...well, driver: 'library' },
};

export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];
