import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { WaybillError } from '../../core/index.ts';

/** A holder needs milliseconds; one that needs this long (in milliseconds) is dead. */
const STALE = 10_000;
const PATIENCE = 30_000;

/**
 * Runs a task while holding a lock file, so that two processes never change one thing at a time. A lock left behind by
 * a process that died is taken over after ten seconds.
 */
export const withLock = async <T>(path: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
  const deadline = performance.now() + PATIENCE;
  while (!(await acquire(path))) {
    signal?.throwIfAborted();
    if (performance.now() > deadline) {
      throw new WaybillError('InvalidInput', `${path} stays locked`, {
        hint: 'another process writes to this folder; if there is none, remove the lock file',
      });
    }
    await removeStale(path);
    await sleep(2 + Math.random() * 20, undefined, { signal });
  }
  try {
    return await task();
  } finally {
    await rm(path, { force: true });
  }
};

const acquire = async (path: string): Promise<boolean> => {
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

const removeStale = async (path: string): Promise<void> => {
  const seen = await stat(path).catch(() => undefined);
  if (seen === undefined || Date.now() - seen.mtimeMs < STALE) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    // Between the look and the rename somebody may have replaced the dead lock by a live one: that goes back.
    if ((await stat(aside)).ino !== seen.ino) await link(aside, path).catch(() => {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await rm(aside, { force: true });
  }
};
