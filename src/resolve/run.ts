import { WaybillError } from '../core/index.ts';
import { formatReference, type ObjectName, parseReference } from '../oci/index.ts';
import type { ResolvedObject } from '../plan/index.ts';
import type { Task } from '../tekton/index.ts';
import { entriesOf, resolveEntry } from './entries.ts';
import { loadLocal } from './local.ts';
import { isTask, LOCAL, localRunnable, type Runnable, runnableOf } from './objects.ts';
import { notVerified } from './pin.ts';
import { placeOf } from './place.ts';
import { resolveTasks, type Scope } from './references.ts';
import type { LocalObject, ResolveContext, Resolved } from './types.ts';

/** All objects of a run, verified as far as the policy asks: what `compile` of `src/plan` takes. */
export interface ResolvedRun {
  readonly object: Runnable;
  /** By name of the pipeline task, for those that have a taskRef. */
  readonly tasks: ReadonlyMap<string, ResolvedObject<Task>>;
}

/**
 * Resolves what `waybill run REF|PATH` names: a Task, or a Pipeline with every Task that it refers to. A text without
 * `#kind/name` means the one Pipeline that is there, or else the one Task; where that is not clear, `Usage` lists them.
 */
export const resolveRun = async (text: string, context: ResolveContext): Promise<ResolvedRun> => {
  const { object, scope } = await resolveRoot(text, context);
  if (isTask(object)) return { object, tasks: new Map() };
  return { object, tasks: await resolveTasks(object.object, scope, context) };
};

/** One object of a bundle, as `waybill resolve REF#kind/name` prints it; files are no references (`Usage`). */
export const resolveReference = async (text: string, context: ResolveContext): Promise<Resolved> => {
  const reference = parseReference(text);
  switch (reference.kind) {
    case 'registry':
    case 'layout': {
      const pinned = await context.pin(placeOf(text, reference));
      const { entries } = await entriesOf(pinned, context);
      return resolveEntry(pinned, reference.object ?? choose(entries, text), context);
    }
    case 'file':
      throw new WaybillError('Usage', `${text} is a file: there is nothing to resolve`, { subject: text });
    case 'resolver':
      throw unsupported(text, reference.resolver);
  }
};

const resolveRoot = async (
  text: string,
  context: ResolveContext,
): Promise<{ readonly object: Runnable; readonly scope: Scope }> => {
  const reference = parseReference(text);
  if (reference.kind === 'file') {
    const files = await loadLocal(reference.path, context.warn);
    if (reference.object === undefined) refuseRun(files, reference.path);
    const object = localRunnable(chooseLocal(files, reference.object, text), formatReference(reference));
    if (context.requireVerified) throw notVerified(text, LOCAL);
    return { object, scope: { files } };
  }
  const resolved = await resolveReference(text, context);
  return { object: runnableOf(resolved, text, context), scope: { bundle: resolved.bundle, files: [] } };
};

/** A file that holds a run asks for that run, with its params and workspaces, and not for an object beside it. */
const refuseRun = (files: readonly LocalObject[], path: string): void => {
  const run = files.find(
    ({ object, file }) => file === path && (object.kind === 'TaskRun' || object.kind === 'PipelineRun'),
  );
  if (run === undefined) return;
  throw new WaybillError('Unsupported', `${path} holds a ${run.object.kind}: runs in files are not supported yet`, {
    subject: path,
    hint: `name its Task or Pipeline with ${path}#kind/name, and give params with -p and workspaces with -w`,
  });
};

const chooseLocal = (files: readonly LocalObject[], wanted: ObjectName | undefined, text: string): LocalObject => {
  const named = files.map((file) => ({
    file,
    kind: file.object.kind.toLowerCase(),
    name: file.object.metadata.name ?? '',
  }));
  if (wanted === undefined) return choose(named, text).file;
  const found = named.find(({ kind, name }) => kind === wanted.kind && name === wanted.name);
  if (found !== undefined) return found.file;
  throw new WaybillError('NotFound', `there is no ${wanted.kind} "${wanted.name}" in ${text}`, { subject: text });
};

/** The one Pipeline, or else the one Task. */
const choose = <T extends { readonly kind: string; readonly name: string }>(entries: readonly T[], text: string): T => {
  for (const kind of ['pipeline', 'task']) {
    const [first, ...others] = entries.filter((entry) => entry.kind === kind);
    if (first !== undefined && others.length === 0) return first;
    if (first !== undefined) break;
  }
  const names = entries.map(({ kind, name }) => `${text}#${kind}/${name}`);
  throw new WaybillError('Usage', `${text} does not say which object is meant`, {
    subject: text,
    hint: names.length === 0 ? 'it holds no Task and no Pipeline' : `name one of: ${names.join(' ')}`,
  });
};

const unsupported = (text: string, resolver: string): WaybillError =>
  new WaybillError('Unsupported', `${text}: the resolver "${resolver}" is not supported yet`, { subject: text });
