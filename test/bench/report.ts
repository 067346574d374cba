import { type Figure, figureOf } from './figures.ts';
import type { Sample } from './rounds.ts';
import type { StartUp } from './start-up.ts';
import type { Subject } from './subjects.ts';

/** What `--json` writes. Times are in milliseconds. */
export interface Report {
  readonly samples: number;
  /** Load average of the last minute when the first and when the last round began. */
  readonly load: readonly number[];
  readonly yardstick: Figure;
  readonly subjects: readonly SubjectReport[];
  readonly startUp: Readonly<Record<string, Readonly<Record<keyof StartUp, Figure>>>>;
}

export interface SubjectReport {
  readonly name: string;
  readonly goal: number;
  /** To the mean of the yardsticks before and after. */
  readonly ratio: Figure;
  readonly done: Figure;
  readonly written: Figure;
  readonly requests: Figure;
  readonly writes: Figure;
}

export const subjectReport = ({ name, goal }: Subject, samples: readonly Sample[]): SubjectReport => ({
  name,
  goal,
  ratio: figureOf(samples.map(({ done, before, after }) => done / ((before + after) / 2))),
  done: figureOf(samples.map(({ done }) => done)),
  written: figureOf(samples.map(({ written }) => written)),
  requests: figureOf(samples.map(({ requests }) => requests)),
  writes: figureOf(samples.map(({ writes }) => writes)),
});

export const startUpReport = (found: readonly StartUp[]): Readonly<Record<keyof StartUp, Figure>> => ({
  node: figureOf(found.map(({ node }) => node)),
  help: figureOf(found.map(({ help }) => help)),
  firstRequest: figureOf(found.map(({ firstRequest }) => firstRequest)),
});

/** Subjects whose median is above its goal. */
export const missed = ({ subjects }: Report): readonly SubjectReport[] =>
  subjects.filter(({ ratio, goal }) => !(ratio.median <= goal));

/** The report as text. */
export const renderReport = ({ samples, load, yardstick, subjects, startUp }: Report): string => {
  const rows = subjects.map(({ name, goal, ratio, done, written, requests, writes }) => [
    name,
    ratios(ratio),
    `<= ${goal.toFixed(2)}`,
    ratio.median <= goal ? 'ok' : 'MISSED',
    milliseconds(done),
    milliseconds(written),
    String(requests.median),
    String(writes.median),
  ]);
  const starts = Object.entries(startUp).map(([name, { node, help, firstRequest }]) => [
    name,
    milliseconds(node),
    milliseconds(help),
    milliseconds(firstRequest),
    (firstRequest.median / node.median).toFixed(1),
  ]);
  return [
    `${samples} samples, each between two yardsticks; load average ${load.map((value) => value.toFixed(1)).join(' to ')}`,
    `yardstick (a bare pod, POST to Succeeded): ${milliseconds(yardstick)} ms`,
    'all figures: median (minimum to maximum)',
    '',
    table([['run', 'ratio', 'goal', '', 'done ms', 'written ms', 'requests', 'writes'], ...rows]),
    '',
    table([['start-up', 'node ms', '--help ms', 'first request ms', 'ratio to node'], ...starts]),
    '',
  ].join('\n');
};

const ratios = ({ min, median, max }: Figure): string =>
  `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;

const milliseconds = ({ min, median, max }: Figure): string =>
  `${Math.round(median)} (${Math.round(min)} to ${Math.round(max)})`;

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
