import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { findProgram } from './files.ts';
import { say } from './say.ts';

/** One for the machine: bridge, rules and node are the machine's, whatever the folder. */
const LOCK = '/run/lock/waybill-cluster.lock';

/** Takes the kernel's lock in a child that lives as long as our end of its standard input does: a kill -9 frees it too. */
const acquire = (path: string, wait: boolean): Promise<(() => void) | undefined> =>
  new Promise((resolve, reject) => {
    const mode = wait ? '--exclusive' : '--nonblock';
    const child = spawn(findProgram('flock') ?? 'flock', [mode, path, 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', (cause) => reject(new Error('flock (package util-linux) cannot be started', { cause })));
    child.stdout.once('data', () => {
      resolve(() => child.stdin.end());
    });
    child.on('close', () => resolve(undefined));
  });

/** Runs `work` while no other `up` or `down` runs on this machine; waits for the one that does. */
export const locked = async <T>(work: () => Promise<T>, path = LOCK): Promise<T> => {
  mkdirSync(dirname(path), { recursive: true });
  let release = await acquire(path, false);
  if (release === undefined) {
    say('another cluster command is at work on this machine; waiting for it');
    release = await acquire(path, true);
  }
  if (release === undefined) throw new Error(`the lock ${path} cannot be taken`);
  try {
    return await work();
  } finally {
    release();
  }
};
