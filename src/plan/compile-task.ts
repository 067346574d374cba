import type { Task } from '../tekton/index.ts';
import { textCompiler } from './compile-text.ts';
import { type Draft, warnUnbound, warnUnknown } from './draft.ts';
import type { ResolvedObject, RunInput } from './input.ts';
import { compileNode } from './node.ts';
import { bindParams, literalParams } from './params.ts';
import type { Report } from './report.ts';
import { type TaskContext, taskScope } from './scope.ts';
import { stepsOf } from './step-template.ts';
import { durationOf } from './steps.ts';
import { DEFAULT_TIMEOUT } from './timeouts.ts';
import { compileBindings } from './workspaces.ts';

/** Compiles a run of one Task: a plan of one node. */
export const compileTask = (run: RunInput, { object, source }: ResolvedObject<Task>, report: Report): Draft => {
  const retries = run.retries ?? 0;
  const given = literalParams(run.params);
  warnUnknown(run, object.spec.params ?? [], report);
  // Bindings see the Task's params; findings about these come up again, once, when the task is compiled.
  const context: TaskContext = {
    taskRun: { name: run.name, namespace: run.namespace, uid: run.uid },
    task: source.name,
    retries,
    results: [],
    workspaces: new Map(),
    steps: stepsOf(object.spec),
  };
  const bound = bindParams({
    specs: object.spec.params ?? [],
    given,
    scope: (lookup) => taskScope(lookup, context),
    subject: `Task "${source.name}"`,
    path: ['spec', 'params'],
    report,
  });
  const compiler = textCompiler(
    taskScope((name) => bound.get(name), context),
    report,
  );
  const workspaces = compileBindings(run.workspaces, run.uid, compiler, report);
  const { node, params } = compileNode({
    id: 0,
    name: source.name,
    runName: run.name,
    finally: false,
    needs: [],
    resultsOf: [],
    when: [],
    retries,
    timeout: durationOf(run.timeouts?.pipeline, ['spec', 'timeout'], report) ?? DEFAULT_TIMEOUT,
    onError: 'stopAndFail',
    task: object,
    source,
    given,
    pipeline: compiler,
    run,
    workspaces,
    paths: { spec: ['spec'], pipelineTask: ['spec'] },
    report,
  });
  warnUnbound(run, object.spec.workspaces ?? [], report);
  // The task's own timeout, which starts anew with each retry, is the only one.
  return { nodes: [node], params, timeouts: { pipeline: 0 }, workspaces, results: [] };
};
