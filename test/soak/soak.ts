import { join } from 'node:path';
import { limit } from '../../src/core/index.ts';
import { settingsFrom } from '../cluster/settings.ts';
import { adminOf } from '../support/admin.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { playByLibrary } from './by-library.ts';
import { playByTool } from './by-tool.ts';
import { type Counts, judgeCounts, readCounts } from './counts.ts';
import { scheduleOf } from './disturbances.ts';
import { FAULTS, type Fault } from './faults.ts';
import { judgeMemory, type MemoryVerdict } from './memory.ts';
import { runOf, type SoakRun } from './plan.ts';
import { startLibrary } from './pool.ts';
import { CLAIM, type Ended, insist, type Stage } from './stage.ts';

export interface SoakOptions {
  readonly seed: number;
  /** The numbers of the runs. */
  readonly numbers: readonly number[];
  readonly parallel: number;
  readonly only?: Fault | undefined;
  /** Whether faults of the whole cluster happen on the way; on the harness' own cluster only. */
  readonly disturb: boolean;
  /** Told of each thing that happens. */
  readonly say: (line: string) => void;
}

/** Something that must not be. */
export interface Finding {
  /** A run that ended otherwise; a task that was executed more or less often; something left behind; memory that grew. */
  readonly kind: 'end' | 'count' | 'left' | 'memory';
  readonly what: string;
  /** The run, where it is about one. */
  readonly run?: SoakRun;
}

export interface SoakReport {
  readonly findings: readonly Finding[];
  readonly runs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly disturbances: readonly string[];
  /** Drivers beyond the first of each run. */
  readonly again: number;
  readonly seconds: number;
  readonly memory: MemoryVerdict;
}

/** Longest that a run may take, with its fault, on a busy machine. */
const LONGEST_MS = 8 * 60_000;
/** Runs that are deleted together. */
const BATCH = 10;

/** Plays runs with faults, and looks whether anything is lost, done twice, or left behind. */
export const soak = async (options: SoakOptions): Promise<SoakReport> => {
  const { numbers, parallel, say } = options;
  const began = Date.now();
  const runs = numbers.map((number) => runOf(number, options));
  const findings: Finding[] = [];
  const stage = await setUp();
  const disturber = disturberOf(stage, options);
  const cleaner = cleanerOf(stage.space, findings);
  const slot = limit(parallel);
  let again = 0;
  try {
    await Promise.all(
      runs.map((run) =>
        slot(async () => {
          const since = Date.now();
          const ended = await playOne({ ...stage, disturbedSince: disturber.since }, run);
          again += ended.again;
          const found = await explained(stage.space, run, judgeEnd(run, ended));
          findings.push(...found.map((what) => ({ kind: 'end' as const, what, run })));
          say(lineOf(run, ended, Date.now() - since, found));
          disturber.ended();
          await cleaner.add(run.name);
        }),
      ),
    );
    await disturber.settled();
    await cleaner.flush();
    const counts = await readCounts(stage.space);
    for (const run of runs)
      findings.push(...judgeCounts(run, counts).map((what) => ({ kind: 'count' as const, what, run })));
    findings.push(...(await leftovers(stage.space, counts)));
  } finally {
    await stage.library.end();
    await stage.admin.close();
    await stage.space.delete();
  }
  const memory = judgeMemory(stage.library.memory);
  if (memory.flat === false) {
    findings.push({
      kind: 'memory',
      what: `the driver's memory grew from ${memory.early.rss} to ${memory.late.rss} MiB`,
    });
  }
  const faults: Record<string, number> = {};
  for (const { fault } of runs) faults[fault] = (faults[fault] ?? 0) + 1;
  const seconds = Math.round((Date.now() - began) / 1000);
  return { findings, runs: runs.length, faults, disturbances: disturber.happened, again, seconds, memory };
};

const setUp = async (): Promise<Stage> => {
  const space = await testNamespace('soak');
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } };
  await space.client.create('persistentvolumeclaims', { metadata: { name: CLAIM }, spec: claim });
  const { agentImage, kubeconfig, own } = space.cluster;
  const setting = {
    namespace: space.name,
    agentImage,
    claim: CLAIM,
    kubeconfig: join(space.folder, 'runner.kubeconfig'),
  };
  return {
    space,
    library: await startLibrary(setting),
    admin: await adminOf(kubeconfig),
    settings: own ? settingsFrom(process.env) : undefined,
    disturbedSince: () => false,
  };
};

const playOne = async (stage: Stage, run: SoakRun): Promise<Ended> => {
  const play = FAULTS[run.fault].driver === 'library' ? playByLibrary : playByTool;
  const over = new AbortController();
  const lost = (reason: string): Ended => ({ status: 'Unknown', reason, exit: null, again: 0, complaints: [] });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Ended>((settle) => {
    timer = setTimeout(() => {
      over.abort();
      settle(lost(`NotWithin${LONGEST_MS / 60_000}Minutes`));
    }, LONGEST_MS);
  });
  try {
    const played = play(stage, run, over.signal).catch((error: unknown) => lost(String(error)));
    return await Promise.race([played, late]);
  } finally {
    clearTimeout(timer);
  }
};

const judgeEnd = ({ fault }: SoakRun, { status, reason, exit, complaints }: Ended): readonly string[] => {
  const wanted = FAULTS[fault];
  const found = [...new Set(complaints)];
  if (status !== wanted.status || reason !== wanted.reason) {
    found.push(`it ended ${status} ${reason}, not ${wanted.status} ${wanted.reason}`);
  }
  if (exit !== null && exit !== wanted.exit) found.push(`exit ${exit}, not ${wanted.exit}`);
  return found;
};

/** What is wrong, and what the tasks of the run say: the run is deleted soon. */
const explained = async (
  space: TestNamespace,
  { name }: SoakRun,
  found: readonly string[],
): Promise<readonly string[]> => {
  if (found.length === 0) return found;
  const tasks = await space.taskRuns(name).catch((): Awaited<ReturnType<TestNamespace['taskRuns']>> => ({}));
  const said = Object.entries(tasks).map(([task, { status }]) => {
    const [condition] = (status?.conditions ?? []) as readonly { readonly reason: string; readonly message: string }[];
    const { reason = '', message = '' } = condition ?? {};
    return `${task} ${reason}: ${message.slice(0, 300)}`;
  });
  return said.length === 0 ? found : [...found, `its tasks: ${said.join('; ')}`];
};

const lineOf = (run: SoakRun, { status, reason, again }: Ended, took: number, found: readonly string[]): string =>
  [
    String(run.number).padStart(4),
    run.fault.padEnd(18),
    run.grouping.padEnd(5),
    `${status} ${reason}`.padEnd(16),
    `${(took / 1000).toFixed(1)} s`.padStart(8),
    again > 0 ? `${again} more` : '',
    found.length > 0 ? `FINDING: ${found.join('; ')}` : '',
  ]
    .join('  ')
    .trimEnd();

/** Faults of the whole cluster, one after another, each after so many runs. */
const disturberOf = ({ settings }: Stage, { numbers, disturb, say }: SoakOptions) => {
  const schedule = settings !== undefined && disturb ? scheduleOf(numbers.length) : new Map<number, never>();
  const happened: string[] = [];
  let ended = 0;
  let last = Promise.resolve();
  let calmSince = 0;
  let busy = 0;
  return {
    happened,
    since: (time: number): boolean => busy > 0 || calmSince > time,
    settled: (): Promise<void> => last,
    ended: (): void => {
      ended += 1;
      const next = schedule.get(ended);
      if (next === undefined || settings === undefined) return;
      busy += 1;
      last = last.then(async () => {
        say(`---- ${next.name}`);
        try {
          await next.happen(settings);
        } finally {
          happened.push(next.name);
          busy -= 1;
          // Who lost a connection meanwhile may say so a little later.
          calmSince = Date.now() + 10_000;
        }
      });
    },
  };
};

/** Deletes runs that have ended, by the tool, some at a time. */
const cleanerOf = ({ cli }: TestNamespace, findings: Finding[]) => {
  let names: string[] = [];
  const flush = async (): Promise<void> => {
    const batch = names;
    names = [];
    if (batch.length === 0) return;
    const last = await insist(`to delete ${batch.join(' ')}`, async () => {
      const { code, stderr } = await cli(['delete', ...batch]);
      // What an earlier try deleted is not there any more.
      if (code !== 0 && !/RunNotFound/.test(stderr)) throw new Error(stderr);
      return code;
    }).catch((error: unknown) => error);
    if (last instanceof Error) findings.push({ kind: 'left', what: `${last.message}: ${String(last.cause)}` });
  };
  return {
    flush,
    add: async (name: string): Promise<void> => {
      names.push(name);
      if (names.length >= BATCH) await flush();
    },
  };
};

/** Whatever there is beside the harness' own claim, after all runs were deleted. */
const leftovers = async (space: TestNamespace, counts: Counts): Promise<readonly Finding[]> => {
  const unknown = [...counts.keys()].filter((name) => !name.startsWith('soak-'));
  const own = `persistentvolumeclaims/${CLAIM}`;
  await space.cli(['delete', 'count']);
  const look = async () => ({
    objects: (await space.objects()).filter((name) => name !== own),
    volumes: (await space.volumes()).length - 1,
  });
  const gone = eventually('all is gone', async () => {
    const { objects, volumes } = await look();
    return objects.length === 0 && volumes === 0 ? true : undefined;
  });
  if (await gone.catch(() => false))
    return unknown.map((name) => ({ kind: 'count', what: `${name} counted, and is no run` }));
  const { objects, volumes } = await look();
  const what = `left behind: ${objects.slice(0, 20).join(' ')}${volumes === 0 ? '' : ` and ${volumes} volumes`}`;
  return [{ kind: 'left', what }];
};
