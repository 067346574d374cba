import { parseDuration, WaybillError } from 'waybill';
import type { RecordSummary } from 'waybill/runtime';

/** Which of the runs of a namespace are to go; at least one of both is given. */
export interface SweepRule {
  /** Milliseconds since a run ended. */
  readonly olderThan: number | undefined;
  /** So many of those that ended last stay. */
  readonly keep: number | undefined;
}

/**
 * The runs that a rule lets go, of those that are over: by when they ended, not by when they began. One that is not over is
 * never among them, and does not count among those that are kept.
 */
export const sweep = (
  runs: readonly RecordSummary[],
  { olderThan, keep }: SweepRule,
  now: number,
): readonly RecordSummary[] =>
  runs
    .flatMap((run) => (run.finished === null ? [] : [{ run, finished: run.finished }]))
    .sort((a, b) => b.finished - a.finished || a.run.name.localeCompare(b.run.name))
    .slice(keep ?? 0)
    .filter(({ finished }) => olderThan === undefined || now - finished > olderThan)
    .map(({ run }) => run);

/** The rule that options give; undefined for none. Throws `Usage`. */
export const sweepRule = (olderThan: string | undefined, keep: string | undefined): SweepRule | undefined => {
  if (olderThan === undefined && keep === undefined) return undefined;
  if (keep !== undefined && !/^\d{1,9}$/.test(keep))
    throw new WaybillError('Usage', `--keep ${keep} is no number of runs`, { hint: 'as in --keep 20' });
  return {
    olderThan: olderThan === undefined ? undefined : durationOf(olderThan),
    keep: keep === undefined ? undefined : Number(keep),
  };
};

/** Go's durations, and days before them: `7d`, `1d12h`. */
const durationOf = (text: string): number => {
  const [, days, rest = ''] = /^(?:(\d{1,6})d)?(.*)$/s.exec(text) ?? [];
  const wrong = new WaybillError('Usage', `--older-than ${text} is no duration`, { hint: 'as in 7d, 36h or 90m' });
  if (days === undefined && rest === '') throw wrong;
  try {
    const more = rest === '' ? 0 : parseDuration(rest);
    if (more < 0) throw wrong;
    return Number(days ?? 0) * 24 * 3_600_000 + more;
  } catch {
    throw wrong;
  }
};
