import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './files.ts';
import { pathsOf, type Settings } from './settings.ts';
import { until } from './shell.ts';

/** In the environment of everything the harness starts, and of what those start: the cluster's folder. */
const OWNER = 'WAYBILL_CLUSTER_OWNER';

/** Which process a component is: a pid means nothing without the time at which it started, in this boot. */
export interface Identity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly start: string;
  readonly boot: string;
  /** Of the command and its configuration: another one means that the component must be started anew. */
  readonly hash: string;
}

/** What to start. */
export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly hash: string;
}

/** Differs after every boot. */
export const bootId = (): string => readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';

const recordOf = (settings: Settings, name: string): string => join(pathsOf(settings).run, `${name}.json`);

/** The component's log file. */
export const logOf = (settings: Settings, name: string): string => join(pathsOf(settings).logs, `${name}.log`);

/** The last lines of a component's log, for an error message. */
export const tailOf = (settings: Settings, name: string, lines = 25): string =>
  (readIfThere(logOf(settings, name)) ?? '').trimEnd().split('\n').slice(-lines).join('\n');

/** State letter and start time of a process; the name in brackets may hold anything, so fields count from its end. */
const statOf = (pid: number): { readonly state: string; readonly start: string } | undefined => {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : { state: fields[0] ?? '', start: fields[19] ?? '' };
};

/** Whether a process is still the one that was recorded, and not another under the same pid. */
const isAlive = ({ pid, start, boot }: Identity): boolean => {
  const stat = statOf(pid);
  return stat !== undefined && !'ZX'.includes(stat.state) && stat.start === start && boot === bootId();
};

/** The recorded process of a component if it lives. */
export const processOf = (settings: Settings, name: string): Identity | undefined => {
  const text = readIfThere(recordOf(settings, name));
  if (text === undefined) return undefined;
  try {
    const { pid, start, boot, hash } = JSON.parse(text) as Partial<Record<keyof Identity, unknown>>;
    if (!Number.isInteger(pid) || typeof start !== 'string' || typeof boot !== 'string') return undefined;
    const identity: Identity = { pid: pid as number, start, boot, hash: String(hash) };
    return isAlive(identity) ? identity : undefined;
  } catch {
    return undefined; // no JSON: the disk was full, or someone wrote it by hand
  }
};

/** Writes down who it is and becomes the component, so that no moment exists at which a process runs unrecorded. */
const RECORD_AND_EXEC = `set -e
start=$(cut -d' ' -f22 /proc/$$/stat)
printf '{"pid":%s,"start":"%s","boot":"%s","hash":"%s"}\\n' $$ "$start" "$1" "$2" > "$3.new"
mv "$3.new" "$3"
shift 3
exec "$@"`;

/** Only what a daemon needs: proxies, credentials and Go settings of the caller's shell are not the cluster's. */
const environment = (settings: Settings): NodeJS.ProcessEnv => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: pathsOf(settings).run,
  LANG: 'C.UTF-8',
  [OWNER]: settings.dir,
});

/** Starts a component in a session of its own, with its output in its log; returns when its identity is recorded. */
export const start = async (settings: Settings, { name, argv, hash }: Command): Promise<void> => {
  const paths = pathsOf(settings);
  for (const folder of [paths.run, paths.logs]) mkdirSync(folder, { recursive: true });
  const record = recordOf(settings, name);
  const log = logOf(settings, name);
  rmSync(record, { force: true });
  if (readIfThere(log)) renameSync(log, `${log}.previous`);
  const output = openSync(log, 'a');
  try {
    const child = spawn('/bin/sh', ['-c', RECORD_AND_EXEC, name, bootId(), hash, record, ...argv], {
      cwd: settings.dir,
      detached: true,
      stdio: ['ignore', output, output],
      env: environment(settings),
    });
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    child.unref();
    await Promise.race([
      failed,
      until(`${name} is started`, async () => readIfThere(record) !== undefined, { seconds: 10 }),
    ]);
  } finally {
    closeSync(output);
  }
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

/** Ends a component if the recorded process is still it: asks, waits `seconds`, then kills. Forgets a stale record. */
export const stop = async (settings: Settings, name: string, seconds = 15): Promise<void> => {
  const identity = processOf(settings, name);
  if (identity) {
    signal(identity.pid, 'SIGTERM');
    const ended = async (): Promise<boolean> => !isAlive(identity);
    await until(`${name} has ended`, ended, { seconds }).catch(async () => {
      if (isAlive(identity)) signal(identity.pid, 'SIGKILL');
      await until(`${name} has been killed`, ended, { seconds: 10 });
    });
  }
  rmSync(recordOf(settings, name), { force: true });
};

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .map(Number);

/** Processes by the name of their program; none that has ended, and is only not yet taken note of by its parent. */
export const running = (program: string): number[] =>
  pids().filter((pid) => {
    // A process that is on its way out has no memory any more, and so no command line.
    const alive = statOf(pid)?.state !== 'Z' && readIfThere(`/proc/${pid}/cmdline`) !== '';
    return alive && readIfThere(`/proc/${pid}/comm`)?.trim() === program;
  });

/** All processes with an owner mark → its folder. Reaches what no record names: container shims, orphans of a kill. */
export const owned = (): { readonly pid: number; readonly dir: string }[] =>
  pids()
    .filter((pid) => pid !== process.pid)
    .flatMap((pid) => {
      const mark = readIfThere(`/proc/${pid}/environ`)
        ?.split('\0')
        .find((line) => line.startsWith(`${OWNER}=`));
      return mark && statOf(pid)?.state !== 'Z' ? [{ pid, dir: mark.slice(OWNER.length + 1) }] : [];
    });

/** Kills what `list` returns until it returns nothing; a process may have forked while the list was made. */
export const killAll = async (what: string, list: () => readonly number[]): Promise<void> => {
  await until(
    `${what} have ended`,
    async () => {
      const pids = list();
      for (const pid of pids) signal(pid, 'SIGKILL');
      return pids.length === 0;
    },
    { seconds: 20 },
  );
};
