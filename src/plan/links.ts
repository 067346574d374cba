import type { Path } from '../core/index.ts';
import { expressionsIn, type PipelineSpec, type PipelineTask } from '../tekton/index.ts';
import { sortTopologically } from './dag.ts';
import type { Report } from './report.ts';
import { textsIn } from './workspaces.ts';

/** A task of a Pipeline with its place in the DAG. The index in the list is the node's id. */
export interface LinkedTask {
  readonly task: PipelineTask;
  readonly section: 'tasks' | 'finally';
  readonly path: Path;
  readonly needs: readonly number[];
  readonly resultsOf: readonly number[];
}

/**
 * The tasks of a Pipeline in topological order, `finally` last: each after the tasks that it names in `runAfter` or
 * whose results it uses. Tasks that stand in such an order already keep it. A cycle is `cycle`, and then there is no list.
 */
export const linkTasks = (spec: PipelineSpec, report: Report): readonly LinkedTask[] | undefined => {
  const places = new Map(spec.tasks.map(({ name }, index) => [name, index]));
  const uses = (task: PipelineTask) => resultsUsed(task).flatMap((name) => places.get(name) ?? []);
  const needs = spec.tasks.map((task, index) => {
    const after = (task.runAfter ?? []).map((name, at) => {
      const place = places.get(name);
      if (place === undefined) {
        report('unknown-task', `there is no task "${name}"`, ['spec', 'tasks', index, 'runAfter', at]);
      }
      return place;
    });
    return [...after.filter((place) => place !== undefined), ...uses(task)];
  });
  const { order, cycle } = sortTopologically(needs);
  if (order === undefined) {
    const names = [...cycle, cycle[0] as number].map((index) => `"${spec.tasks[index]?.name}"`);
    report('cycle', `tasks wait for each other: ${names.join(' after ')}`, ['spec', 'tasks', cycle[0] as number]);
    return undefined;
  }
  const ids = new Map(order.map((index, id) => [index, id]));
  const idsOf = (indices: readonly number[]) =>
    [...new Set(indices.map((index) => ids.get(index) as number))].sort((a, b) => a - b);
  return [
    ...order.map((index): LinkedTask => {
      const task = spec.tasks[index] as PipelineTask;
      const path = ['spec', 'tasks', index];
      return { task, section: 'tasks', path, needs: idsOf(needs[index] ?? []), resultsOf: idsOf(uses(task)) };
    }),
    ...(spec.finally ?? []).map((task, index): LinkedTask => {
      const path = ['spec', 'finally', index];
      if ((task.runAfter ?? []).length > 0) {
        report('unsupported-field', 'finally tasks have no order', [...path, 'runAfter']);
      }
      return { task, section: 'finally', path, needs: [], resultsOf: idsOf(uses(task)) };
    }),
  ];
};

/** Names of the tasks whose results a pipeline task uses: in params, conditions, sub-paths, or an embedded spec. */
const resultsUsed = ({ name: _, runAfter: __, description: ___, ...task }: PipelineTask): readonly string[] =>
  textsIn(task).flatMap((text) =>
    expressionsIn(text).flatMap(({ variable }) =>
      variable.kind === 'task-result' && variable.section === 'tasks' ? [variable.task] : [],
    ),
  );
