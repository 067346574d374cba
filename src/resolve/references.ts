import { limit, WaybillError } from '../core/index.ts';
import type { ResolvedObject } from '../plan/index.ts';
import type { Pipeline, PipelineTask, Reference, Task } from '../tekton/index.ts';
import { findEntry, resolveEntry } from './entries.ts';
import { isTask, LOCAL, localRunnable, type Runnable, type RunnableKind, runnableOf } from './objects.ts';
import { notVerified } from './pin.ts';
import { resolverOf } from './table.ts';
import type { LocalObject, Pinned, ResolveContext } from './types.ts';

/**
 * Where a plain name in an object leads: to the bundle that the object came from, then to the files of the run. (In a
 * cluster it names a cluster's object, so a Pipeline of a bundle cannot name a Task beside it: tektoncd/pipeline#4364.)
 */
export interface Scope {
  readonly bundle?: Pinned | undefined;
  readonly files: readonly LocalObject[];
}

/** References of a Pipeline that are resolved at a time. */
const AT_ONCE = 6;

/** The Tasks that a Pipeline refers to, by name of the pipeline task; embedded ones are left out. */
export const resolveTasks = async (
  { spec }: Pipeline,
  scope: Scope,
  context: ResolveContext,
): Promise<ReadonlyMap<string, ResolvedObject<Task>>> => {
  const gate = limit(AT_ONCE);
  const refs = [...spec.tasks, ...(spec.finally ?? [])].filter(({ taskRef }) => taskRef !== undefined);
  const found = await Promise.all(
    refs.map((task) => gate(async () => [task.name, await resolveTask(task, scope, context)] as const)),
  );
  return new Map(found);
};

const resolveTask = async (
  { name, taskRef = {} }: PipelineTask,
  scope: Scope,
  context: ResolveContext,
): Promise<ResolvedObject<Task>> => {
  const { runnable } = await resolveTektonReference(taskRef, 'Task', scope, context);
  if (isTask(runnable)) return runnable;
  throw new WaybillError('Usage', `the task "${name}" refers to a ${runnable.object.kind}`, { subject: name });
};

/**
 * A taskRef or pipelineRef as an object, and the scope for the names in it. Throws `Unsupported` for custom tasks and
 * for resolvers that are not there yet, `NotFound` for a name that leads nowhere, and what the resolver throws.
 */
export const resolveTektonReference = async (
  reference: Reference,
  kind: RunnableKind,
  scope: Scope,
  context: ResolveContext,
): Promise<{ readonly runnable: Runnable; readonly scope: Scope }> => {
  if (reference.resolver !== undefined) {
    const resolved = await resolverOf(reference.resolver).resolve(reference.params ?? [], context);
    const runnable = runnableOf(resolved, resolved.reference, context);
    return { runnable, scope: { bundle: resolved.bundle, files: scope.files } };
  }
  if ((reference.kind ?? kind) !== kind || /^(?!tekton\.dev\/)./.test(reference.apiVersion ?? '')) {
    throw new WaybillError(
      'Unsupported',
      `references to ${reference.apiVersion ?? ''} ${reference.kind ?? kind} are not supported`,
    );
  }
  return byName(reference.name ?? '', kind, scope, context);
};

const byName = async (
  name: string,
  kind: RunnableKind,
  scope: Scope,
  context: ResolveContext,
): Promise<{ readonly runnable: Runnable; readonly scope: Scope }> => {
  const { bundle, files } = scope;
  if (bundle !== undefined && (await findEntry(bundle, { kind, name }, context)) !== undefined) {
    return { runnable: runnableOf(await resolveEntry(bundle, { kind, name }, context), name, context), scope };
  }
  const file = files.find(({ object }) => object.kind === kind && object.metadata.name === name);
  if (file !== undefined) {
    if (context.requireVerified) throw notVerified(`${kind} "${name}" of ${file.file}`, LOCAL);
    return { runnable: localRunnable(file, name), scope: { files } };
  }
  throw new WaybillError('NotFound', `there is no ${kind} "${name}"`, {
    subject: name,
    hint: bundle === undefined ? 'give its file too' : `pack it into ${bundle.place.text}, or refer to its own bundle`,
  });
};
