import { setTimeout as wait } from 'node:timers/promises';
import { isWaybillError, messageOf } from 'waybill';
import type { Context } from '../command.ts';
import { safeColors } from './terminal.ts';

/** One step's container, and how its lines are headed. */
export interface StepLog {
  readonly pod: string;
  readonly container: string;
  readonly task: string;
  readonly step: string;
}

type Read = (pod: string, container: string, signal: AbortSignal) => AsyncIterable<Buffer>;

/** How long logs may say nothing after their run has ended: the kubelet sees an end about a second late. */
const PATIENCE_MS = 15_000;

/** A line, or the states of a line that was written over and over (a progress bar), each as a line: nothing is hidden. */
const partsOf = (line: string): readonly string[] => {
  const parts = line.split('\r').filter((part) => part !== '');
  return parts.length > 0 ? parts : [''];
};

/**
 * Prints the logs of steps, each line as `[task : step] line`: within a task one step after another, tasks side by side.
 * `end` waits for what is still on its way.
 */
export const logPrinter = ({ emit, note, colors }: Pick<Context, 'emit' | 'note' | 'colors'>, read: Read) => {
  const over = new AbortController();
  const tails = new Map<string, Promise<void>>();
  const seen = new Set<string>();
  let printed = 0;
  /** Whoever may not read one log may read none. */
  let forbidden: unknown;

  const print = async ({ pod, container, task, step }: StepLog): Promise<void> => {
    if (forbidden !== undefined) return;
    try {
      for await (const line of read(pod, container, over.signal)) {
        for (const part of partsOf(line.toString('utf8'))) {
          // Whoever reads slowly is waited for: what is not taken stays in the cluster, not in our memory.
          await emit(safeColors(`[${task} : ${step}] ${part}`, colors.logs));
          printed += 1;
        }
      }
    } catch (error) {
      if (isWaybillError(error, 'Forbidden')) {
        if (forbidden !== undefined) return;
        forbidden = error;
      }
      note(`the log of ${pod}/${container} cannot be read: ${messageOf(error)}`);
    }
  };

  return {
    /** The refusal, where our user may not read logs. */
    forbidden: (): unknown => forbidden,
    follow: (log: StepLog): void => {
      const key = `${log.pod}/${log.container}`;
      if (seen.has(key)) return;
      seen.add(key);
      tails.set(
        log.task,
        (tails.get(log.task) ?? Promise.resolve()).then(() => print(log)),
      );
    },
    end: async (): Promise<void> => {
      const all = Promise.all(tails.values());
      const done = new AbortController();
      for (let before = -1; ; before = printed) {
        const late = wait(PATIENCE_MS, 'late' as const, { signal: done.signal }).catch(() => 'done' as const);
        if ((await Promise.race([all, late])) !== 'late') break;
        if (printed !== before) continue;
        note('some logs did not end in time: read them with waybill logs');
        break;
      }
      done.abort();
      over.abort();
    },
  };
};
