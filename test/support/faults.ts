import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';

/** One row of docs/faults.md. */
export interface Fault {
  readonly id: string;
  /** Those that are promised: others may come beside them. */
  readonly notices: readonly string[];
  /** Of the condition `Succeeded`; null where there is no run to have one. */
  readonly status: 'True' | 'False' | null;
  readonly reason: string | null;
  readonly exit: number;
  /** Milliseconds; null where nothing is waited for. */
  readonly within: number | null;
}

const ROW = /^\| `(?<id>[a-z0-9-]+)` \|/;

/** The rows of docs/faults.md, in their order; throws on a row that cannot be read. */
export const readFaults = (text: string): readonly Fault[] =>
  text
    .split('\n')
    .filter((line) => ROW.test(line))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const [, id = '', , notices = '', status = '', reason = '', exit = '', within = '', rest] = cells;
      const seconds = /^(?<seconds>\d+) s$/.exec(within)?.groups?.seconds;
      const known = (status === 'True' || status === 'False' || status === '–') && /^\d+$/.test(exit) && rest === '';
      if (!known || (seconds === undefined && within !== '–'))
        throw new Error(`docs/faults.md: unreadable row ${line}`);
      return {
        id: id.slice(1, -1),
        notices: [...notices.matchAll(/`([A-Za-z]+)`/g)].map(([, code = '']) => code),
        status: status === '–' ? null : status,
        reason: reason === '–' ? null : reason,
        exit: Number(exit),
        within: seconds === undefined ? null : Number(seconds) * 1000,
      };
    });

export const FAULTS: readonly Fault[] = readFaults(
  readFileSync(join(import.meta.dirname, '../../docs/faults.md'), 'utf8'),
);

const CONDITIONS = z.array(z.looseObject({ status: z.string(), reason: z.string() })).default([]);

export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
  /** `status.conditions` of the TaskRun that was hit, or of the run. */
  readonly conditions?: unknown;
  /** When the cluster could know of the fault, and when the run had ended or gone on: `Date.now()`. */
  readonly known?: number;
  readonly over?: number;
}

/**
 * Holds what was seen against the row `id` of docs/faults.md. Its time is the longest that a user may have to wait: a promise
 * of the documentation, many times what a healthy machine needs.
 */
export const expectFault = (id: string, { code, stderr, conditions, known, over }: Ended): void => {
  const fault = FAULTS.find((one) => one.id === id);
  if (fault === undefined) throw new Error(`docs/faults.md has no row ${id}`);
  const [condition] = CONDITIONS.parse(conditions);
  const seen = { exit: code, status: condition?.status ?? null, reason: condition?.reason ?? null };
  expect(seen, stderr).toEqual({ exit: fault.exit, status: fault.status, reason: fault.reason });
  for (const notice of fault.notices) expect(stderr).toContain(notice);
  if (fault.within === null) return;
  if (known === undefined || over === undefined) throw new Error(`the test of ${id} must say when the fault was known`);
  expect(over - known, `time until the end of ${id}`).toBeLessThanOrEqual(fault.within);
};
