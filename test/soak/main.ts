/**
 * `npm run soak`: many runs at once, a random fault in each, on the cluster that the tests use. Exits with 1 where anything was
 * lost, done twice or left behind, or the driver's memory grew; `README.md` says more.
 */
import { parseArgs } from 'node:util';
import { FAULT_NAMES, type Fault } from './faults.ts';
import { type Finding, type SoakReport, soak } from './soak.ts';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    seed: { type: 'string' },
    runs: { type: 'string', default: '200' },
    parallel: { type: 'string', default: '20' },
    only: { type: 'string' },
    at: { type: 'string' },
    disturb: { type: 'boolean' },
  },
});

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Fewer runs are not worth a disturbance of everybody on the cluster. */
const DISTURB_FROM = 100;

const whole = (name: string, text: string, least: number): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least)
    throw new Error(`--${name} must be a whole number from ${least} on`);
  return number;
};

const faultOf = (text: string | undefined): Fault | undefined => {
  if (text === undefined) return undefined;
  const fault = FAULT_NAMES.find((name) => name === text);
  if (fault === undefined) throw new Error(`--only is one of ${FAULT_NAMES.join(', ')}`);
  return fault;
};

const findingLine = (seed: number, only: Fault | undefined, { what, run }: Finding): string => {
  if (run === undefined) return `FINDING: ${what}`;
  const more = only === undefined ? '' : ` --only ${only}`;
  return `FINDING: ${run.name} (${run.fault}, --pods ${run.grouping}): ${what}; replay: npm run soak -- --seed ${seed} --at ${run.number}${more}`;
};

const summary = (report: SoakReport, seed: number): string => {
  const { runs, faults, disturbances, again, seconds, memory, findings } = report;
  const { early, late, samples, flat } = memory;
  const verdict = flat === undefined ? 'too few runs to tell' : flat ? 'flat' : 'GROWS';
  return [
    `seed      ${seed}`,
    `runs      ${runs} in ${seconds} s`,
    `faults    ${Object.entries(faults)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}`,
    `cluster   ${disturbances.length === 0 ? 'left in peace' : disturbances.join(', ')}`,
    `drivers   ${again} more than one for each run`,
    `memory    ${early.rss} MiB, at the end ${late.rss} MiB (heap ${early.heap} and ${late.heap}), after ${samples} runs: ${verdict}`,
    `findings  ${findings.length}`,
  ].join('\n');
};

const main = async (): Promise<number> => {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : whole('seed', values.seed, 0);
  const runs = whole('runs', values.runs, 1);
  const numbers = values.at === undefined ? Array.from({ length: runs }, (_, at) => at) : [whole('at', values.at, 0)];
  const only = faultOf(values.only);
  const disturb = values.disturb ?? numbers.length >= DISTURB_FROM;
  say(`seed ${seed}`);
  const report = await soak({ seed, numbers, parallel: whole('parallel', values.parallel, 1), only, disturb, say });
  process.stdout.write(
    `\n${report.findings.map((finding) => `${findingLine(seed, only, finding)}\n`).join('')}${summary(report, seed)}\n`,
  );
  return report.findings.length > 0 ? 1 : 0;
};

process.exitCode = await main();
