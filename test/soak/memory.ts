/** Memory of the driver's process after a forced collection, in bytes. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
}

export interface MemoryVerdict {
  readonly samples: number;
  /** Medians of the first and the last third, in MiB; the runs that warmed the process up are left out. */
  readonly early: Memory;
  readonly late: Memory;
  /** Undefined where there are too few samples to tell. */
  readonly flat: boolean | undefined;
}

/** Runs after which everything is loaded, compiled and cached. */
const WARM = 10;
/** Fewer samples tell nothing. */
const FEWEST = 30;
/** Allowed growth of the resident set: allocators and compilers go on a little, and do not give back all that they took. */
const GROWTH = { share: 0.1, mib: 16 };
const MIB = 1024 * 1024;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const medians = (samples: readonly Memory[]): Memory => ({
  rss: Math.round(median(samples.map(({ rss }) => rss)) / MIB),
  heap: Math.round(median(samples.map(({ heap }) => heap)) / MIB),
});

/** Whether a process that drove run after run needs no more memory than when it had driven a few. */
export const judgeMemory = (all: readonly Memory[]): MemoryVerdict => {
  const warm = all.length > WARM;
  const samples = warm ? all.slice(WARM) : all;
  const third = Math.ceil(samples.length / 3);
  const early = medians(samples.slice(0, third));
  const late = medians(samples.slice(-third));
  const allowed = early.rss + Math.max(GROWTH.mib, early.rss * GROWTH.share);
  return { samples: all.length, early, late, flat: samples.length < FEWEST ? undefined : late.rss <= allowed };
};
