import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What this machine can say about its processes; a table for tests, {@link linux} else. */
export interface Processes {
  readonly pid: number;
  readonly host: string;
  /** Names the space of pids: this boot of the kernel and the pid namespace; undefined where that cannot be known. */
  readonly space: string | undefined;
  /** When a process of this space started, in the kernel's ticks; undefined for none. */
  readonly startOf: (pid: number) => string | undefined;
}

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/** Field 22 of the line, counted behind the name, which may hold spaces. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const startOf = (pid: number): string | undefined => {
  const line = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = line?.replace(/^.*\) /s, '').split(' ') ?? [];
  // One that its parent has not taken leave of has ended all the same.
  return fields[0] === 'Z' ? undefined : fields[19];
};

/** This process and its siblings, as /proc knows them; without /proc nothing is known of other processes. */
export const linux = (): Processes => {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  const known = boot !== undefined && namespace !== undefined;
  const space = known ? createHash('sha256').update(`${boot} ${namespace}`).digest('hex').slice(0, 12) : undefined;
  return { pid: process.pid, host: hostname(), space, startOf };
};

/** Names this process as a driver: `host/pid`, and where it can be known, the space of the pid and the process's start. */
export const holderName = ({ pid, host, space, startOf: start }: Processes = linux()): string => {
  const started = space === undefined ? undefined : start(pid);
  return started === undefined ? `${host}/${pid}` : `${host}/${pid}/${space}/${started}`;
};

/**
 * Whether a driver is gone for good: its pid belongs to this very space of pids, and that process has ended. Of processes
 * of other machines and containers nothing is known, whatever their host is called.
 */
export const isGone = (holder: string, { space, startOf: start }: Processes = linux()): boolean => {
  const [, pid = '', where, started] = holder.split('/');
  if (space === undefined || where !== space || started === undefined || !/^\d+$/.test(pid)) return false;
  return start(Number(pid)) !== started;
};

/** A holder for people: where it runs. */
export const holderText = (holder: string): string => {
  const [host = '', pid = ''] = holder.split('/');
  return `process ${pid} on ${host}`;
};
