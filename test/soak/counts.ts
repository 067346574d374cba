import type { TestNamespace } from '../support/namespace.ts';
import { taskOf } from '../support/objects.ts';
import { FAULTS } from './faults.ts';
import type { SoakRun } from './plan.ts';
import { CLAIM } from './stage.ts';

type Task = 'first' | 'middle' | 'last';
/** How often each task of a run was executed, by the run's name. */
export type Counts = ReadonlyMap<string, Readonly<Record<Task, number>>>;

const LINE = /\] counted (?<run>\S+) (?<task>first|middle|last) \d+$/;

/** Reads what all runs wrote down. */
export const readCounts = async ({ cli, file }: TestNamespace): Promise<Counts> => {
  const each = 'for f in *; do while read -r line; do echo "counted $f $line"; done < $f; done';
  const script = `cd /counts\n${each}\necho "counted in all $(cat * | wc -l)"`;
  const path = await file(
    'count.json',
    taskOf('count', [script], { workspaces: [{ name: 'counts', mountPath: '/counts' }] }),
  );
  const { code, stdout, stderr } = await cli(['run', path, '--name', 'count', '-w', `counts=pvc=${CLAIM}`]);
  if (code !== 0) throw new Error(`what was executed cannot be read:\n${stderr}`);
  const counts = new Map<string, Record<Task, number>>();
  let read = 0;
  for (const line of stdout.split('\n')) {
    const { run, task } = LINE.exec(line)?.groups ?? {};
    if (run === undefined) continue;
    read += 1;
    const of = counts.get(run) ?? { first: 0, middle: 0, last: 0 };
    of[task as Task] += 1;
    counts.set(run, of);
  }
  const total = Number(/\] counted in all (?<total>\d+)$/m.exec(stdout)?.groups?.total ?? Number.NaN);
  if (read !== total) throw new Error(`${total} lines were written, and ${read} read:\n${stdout}\n${stderr}`);
  return counts;
};

/** What a run executed otherwise than its fault lets it. */
export const judgeCounts = ({ name, fault }: SoakRun, counts: Counts): readonly string[] => {
  const seen = counts.get(name) ?? { first: 0, middle: 0, last: 0 };
  return Object.entries(FAULTS[fault].times).flatMap(([task, [least, most]]) => {
    const times = seen[task as Task];
    if (times >= least && times <= most) return [];
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    return [`task ${task} was executed ${times} times, not ${wanted}`];
  });
};
