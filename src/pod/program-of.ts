import {
  type Item,
  type Known,
  type Plan,
  type PlanNode,
  type PlanResult,
  roomForTexts,
  settleItems,
  settleText,
  settleValue,
  settleWhen,
  type Text,
  type Value,
} from '../plan/index.ts';
import { HEARTBEAT, RESULT_LIMITS } from './constants.ts';
import { environmentOf } from './environment.ts';
import { broken, groupOf, nodeOf } from './lookup.ts';
import { containersOf, type StepContainer } from './names.ts';
import type { Program, ProgramStep, ProgramTask, ProgramValue } from './program.ts';

/** What is known when a group's pod is made. */
export interface Attempt {
  readonly group: number;
  /** 1 = the first. */
  readonly attempt: number;
  /** UID of the run. */
  readonly runUid: string;
  /** Which nodes of the group have still to run: the others are over, and their results known. */
  readonly nodes: readonly number[];
  /** What texts of a node are completed from. */
  readonly known: (node: number) => Known;
}

/**
 * The program of a pod. All that is known is put in as literals; what is left points to tasks of this program and steps
 * of the same task. Conditions of tasks whose needs are all over have been decided by the engine and are left out.
 */
export const programOf = (plan: Plan, { group, attempt, runUid, nodes, known }: Attempt): Program => {
  const open = groupOf(plan, group).nodes.filter((id) => nodes.includes(id));
  if (open.length === 0) broken(`group ${group} has no task to run`);
  const containers = containersOf(plan, group);
  const room = roomForTexts();
  const within = (id: number): Known => ({ ...known(id), room });
  return {
    version: 1,
    run: runUid,
    group,
    attempt,
    heartbeat: HEARTBEAT,
    limits: RESULT_LIMITS,
    tasks: open.map((id) => taskOf(nodeOf(plan, id), new Set(open), within(id), containers)),
  };
};

const taskOf = (
  node: PlanNode,
  open: ReadonlySet<number>,
  known: Known,
  containers: readonly StepContainer[],
): ProgramTask => {
  const needs = node.needs.filter((need) => open.has(need));
  const check = checkerFor(node, open);
  return {
    id: node.id,
    name: node.name,
    needs,
    when: needs.length === 0 ? [] : check.when(settleWhen(node.when, known)),
    timeout: node.timeout,
    onError: node.onError,
    steps: node.steps.map((_, index) => check.step(stepOf(node, index, known, containers))),
    results: node.results.map((result) => resultOf(result, known)),
  };
};

const stepOf = (node: PlanNode, index: number, known: Known, containers: readonly StepContainer[]): ProgramStep => {
  const step = node.steps[index] ?? broken(`no step ${index}`);
  const place = containers.find(({ task, step: at }) => task === node.id && at === index);
  const argv: readonly Item[] = step.script === undefined ? [...step.command, ...step.args] : step.args;
  return {
    name: step.name,
    socket: place?.socket ?? broken(`step "${step.name}" has no container`),
    ...(step.script === undefined ? {} : { script: settleText(step.script, known) }),
    argv: settleItems(argv, known),
    env: environmentOf(step, node.podTemplate, known).late,
    ...(step.workingDir === undefined ? {} : { workingDir: settleText(step.workingDir, known) }),
    timeout: step.timeout,
    onError: step.onError,
    results: step.results,
  };
};

const resultOf = ({ name, type, value }: PlanResult, known: Known): ProgramTask['results'][number] => ({
  name,
  type,
  ...(value === undefined ? {} : { value: programValueOf(settleValue(value, known)) }),
});

const programValueOf = (value: Value): ProgramValue =>
  value.kind === 'whole' ? broken('a result of a task is the result of another task') : value;

/** Throws if a reference is left that the agent could not complete: a bug, never the agent's to find out. */
const checkerFor = ({ name }: PlanNode, open: ReadonlySet<number>) => {
  const text = (segments: Text): void => {
    for (const segment of segments) {
      if (typeof segment === 'string' || 'step' in segment || 'env' in segment) continue;
      if (!('task' in segment) || !open.has(segment.task)) broken(`task "${name}" uses ${JSON.stringify(segment)}`);
    }
  };
  const items = (list: readonly Item[]): void => {
    for (const item of list) {
      if ('text' in item) text(item.text);
      else if ('task' in item.splat && !open.has(item.splat.task)) broken(`task "${name}" uses an array not known`);
    }
  };
  return {
    step: (step: ProgramStep): ProgramStep => {
      text(step.script ?? []);
      text(step.workingDir ?? []);
      items(step.argv);
      for (const { value } of step.env) text(value);
      return step;
    },
    when: (when: ProgramTask['when']): ProgramTask['when'] => {
      for (const { input, values } of when) {
        text(input);
        items(values);
      }
      return when;
    },
  };
};
