import { setTimeout as wait } from 'node:timers/promises';
import { isWaybillError, messageOf } from 'waybill';
import type { LogReport } from 'waybill/kube';
import type { Context } from '../command.ts';
import { safeColors } from './terminal.ts';

/** One step's container, and how its lines are headed. */
export interface StepLog {
  readonly pod: string;
  readonly container: string;
  readonly task: string;
  readonly step: string;
}

/** `report` is called with what is learned beside the lines. */
interface ReadOptions {
  readonly signal: AbortSignal;
  readonly report: (said: LogReport) => void;
}

type Read = (pod: string, container: string, options: ReadOptions) => AsyncIterable<Buffer>;

/** How long logs may say nothing after their run has ended: the kubelet sees an end about a second late. */
const PATIENCE_MS = 15_000;

/** What a reader is told of a log that may not be complete; undefined for one that is. */
const wordsOf = (said: LogReport): { readonly code: string; readonly words: string } | undefined => {
  switch (said.kind) {
    case 'gap':
      return { code: 'LogGap', words: 'lines are missing: the node rotated the log faster than it could be read' };
    case 'rotated':
      return {
        code: 'LogRotated',
        words:
          'it is larger than what the node keeps, so a line may be missing where the node rotated it; waybill logs shows its end alone',
      };
    case 'unread':
      return { code: 'LogUnread', words: `its end could not be read: ${said.message}` };
    // What it means for the run is said once, by who drives it.
    case 'polled':
    case 'silent':
    case 'whole':
      return undefined;
  }
};

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
  const open = new Set<string>();
  /** Lines printed and logs ended: while it grows, nothing is late. */
  let progress = 0;
  /** Whoever may not read one log may read none. */
  let forbidden: unknown;

  const print = async ({ pod, container, task, step }: StepLog): Promise<void> => {
    if (forbidden !== undefined || over.signal.aborted) return;
    const told = new Set<string>();
    const report = (said: LogReport): void => {
      const { code, words } = wordsOf(said) ?? { code: '', words: '' };
      // Of a log that is no longer waited for this is said already.
      if (words === '' || told.has(code) || over.signal.aborted) return;
      told.add(code);
      note(`${code}: the log of ${task} : ${step}: ${words}`);
    };
    try {
      for await (const line of read(pod, container, { signal: over.signal, report })) {
        for (const part of partsOf(line.toString('utf8'))) {
          // Whoever reads slowly is waited for: what is not taken stays in the cluster, not in our memory.
          await emit(safeColors(`[${task} : ${step}] ${part}`, colors.logs));
          progress += 1;
        }
      }
    } catch (error) {
      if (!isWaybillError(error, 'Forbidden')) {
        note(`LogUnread: the log of ${task} : ${step} cannot be read: ${messageOf(error)}`);
        return;
      }
      if (forbidden === undefined) note(`LogForbidden: ${messageOf(error)}`);
      forbidden = error;
    }
  };

  return {
    /** The refusal, where our user may not read logs. */
    forbidden: (): unknown => forbidden,
    /** The same is known from elsewhere, and has been said. */
    forbid: (why: unknown): void => {
      forbidden ??= why;
    },
    follow: (log: StepLog): void => {
      const key = `${log.pod}/${log.container}`;
      if (seen.has(key)) return;
      seen.add(key);
      const name = `${log.task} : ${log.step}`;
      open.add(name);
      tails.set(
        log.task,
        (tails.get(log.task) ?? Promise.resolve())
          .then(() => print(log))
          .finally(() => {
            open.delete(name);
            progress += 1;
          }),
      );
    },
    end: async (): Promise<void> => {
      const all = Promise.all(tails.values());
      const done = new AbortController();
      for (let before = progress; ; before = progress) {
        const late = wait(PATIENCE_MS, 'late' as const, { signal: done.signal }).catch(() => 'done' as const);
        if ((await Promise.race([all, late])) !== 'late') break;
        if (progress !== before) continue;
        note(`LogLate: not waited for any longer: the rest of the log of ${[...open].join(', ')}; see waybill logs`);
        break;
      }
      done.abort();
      over.abort();
    },
  };
};
