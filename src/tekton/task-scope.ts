import { didYouMean } from './nearest.ts';
import {
  checkAccess,
  checkParam,
  leftAlone,
  type Problem,
  problem,
  reached,
  type Scope,
  type Shape,
  shapesOf,
  tolerated,
  unsupportedVariable,
} from './scope.ts';
import type { Step, TaskSpec } from './types.ts';
import type { Expression, Variable } from './variables.ts';

/** What an embedded spec sees beyond its own declarations: propagated params and workspaces, and its Pipeline. */
export interface Surroundings {
  readonly params?: ReadonlyMap<string, Shape>;
  readonly workspaces?: readonly string[];
  /** Judges what only a Pipeline has: other tasks, and its context. */
  readonly outer?: Scope;
}

/** The scope of a Task's texts; with `step`, of those of one step, which sees the results of steps before it. */
export const taskScope = (spec: TaskSpec, around: Surroundings, step?: number): Scope => {
  const params = new Map([...(around.params ?? []), ...shapesOf(spec.params)]);
  const results = shapesOf(spec.results);
  const workspaces = [...(spec.workspaces ?? []).map(({ name }) => name), ...(around.workspaces ?? [])];
  return (expression, slot) => {
    const { variable } = expression;
    switch (variable.kind) {
      case 'param':
        return checkParam(variable, params, slot);
      case 'result-path':
        return oneOf(variable.result, [...results.keys()], 'unknown-result', 'the Task has no result');
      case 'step-result-path':
        return stepResultPath(variable.result, spec, step);
      case 'workspace':
        return workspaceOf(variable.workspace, workspaces);
      case 'step-result':
        return stepResult(variable, spec, step, slot);
      case 'exit-code-path':
        return oneOf(variable.container, spec.steps.map(containerOf), 'unknown-step', 'there is no step container');
      case 'context':
        return variable.of === 'task' || variable.of === 'taskRun' ? undefined : beyond(expression, around, slot);
      case 'task-result':
      case 'task-status':
      case 'task-reason':
        return beyond(expression, around, slot);
      case 'credentials-path':
      case 'unsupported':
        return unsupportedVariable(expression);
      case 'unknown':
        return leftAlone(expression, 'there is no such variable');
    }
  };
};

const beyond = (expression: Expression, { outer }: Surroundings, slot: Parameters<Scope>[1]): Problem | undefined => {
  if (outer !== undefined) return outer(expression, slot);
  if (expression.variable.kind === 'context') return leftAlone(expression, 'only a spec inside of a Pipeline sees it');
  return problem('unknown-variable', `$(${expression.expression}): a Task sees other tasks only inside of a Pipeline`);
};

const containerOf = ({ name }: Step, index: number): string =>
  `step-${name === undefined || name === '' ? `unnamed-${index}` : name}`;

/** Tekton does not look at a Task's workspaces here. */
const workspaceOf = (name: string, names: readonly string[]): Problem | undefined => {
  const found = oneOf(name, names, 'unknown-workspace', 'there is no workspace');
  return found === undefined ? undefined : tolerated(found);
};

const oneOf = (name: string, names: readonly string[], code: string, says: string): Problem | undefined =>
  names.includes(name) ? undefined : problem(code, `${says} "${name}"`, didYouMean(name, names));

const stepResultPath = (result: string, { steps }: TaskSpec, step: number | undefined): Problem | undefined => {
  const names = (step === undefined ? [] : (steps[step]?.results ?? [])).map(({ name }) => name);
  return oneOf(result, names, 'unknown-result', 'the step has no result');
};

const stepResult = (
  variable: Extract<Variable, { kind: 'step-result' }>,
  { steps }: TaskSpec,
  before: number | undefined,
  slot: Parameters<Scope>[1],
): Problem | undefined => {
  const names = steps.map((step, index) => containerOf(step, index).slice('step-'.length));
  const index = names.indexOf(variable.step);
  const step = steps[index];
  if (step === undefined) return oneOf(variable.step, names, 'unknown-step', 'there is no step');
  if (before !== undefined && index >= before) {
    return problem('unknown-step', `step "${variable.step}" does not come before this one`);
  }
  if (step.ref !== undefined) return undefined;
  const results = shapesOf(step.results);
  const { name, access } = reached(variable.result, variable.access, (candidate) => results.has(candidate));
  const shape = results.get(name);
  if (shape === undefined) {
    return oneOf(variable.result, [...results.keys()], 'unknown-result', `step "${variable.step}" has no result`);
  }
  const subject = `result "${name}" of step "${variable.step}"`;
  return checkAccess({ subject, code: 'result-type', shape, access, slot, bare: false });
};
