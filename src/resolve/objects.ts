import { hasErrors, invalidInput, WaybillError } from '../core/index.ts';
import type { Provenance, ResolvedObject } from '../plan/index.ts';
import { type LoadedObject, loadObjects, type Pipeline, type Task } from '../tekton/index.ts';
import type { LocalObject, ResolveContext, Resolved } from './types.ts';

/** Kinds that a run can consist of. */
export type RunnableKind = 'Task' | 'Pipeline';

/** An object with its provenance; `loaded` places findings about it in its text. */
export type Runnable = (ResolvedObject<Task> | ResolvedObject<Pipeline>) & { readonly loaded: LoadedObject };

export const isTask = (runnable: Runnable): runnable is Runnable & ResolvedObject<Task> =>
  runnable.object.kind === 'Task';

/**
 * What a resolver gave, as an object with its provenance. Throws `InvalidInput` for findings and `BadBundle` where the
 * bytes hold another object than their layer says.
 */
export const runnableOf = (resolved: Resolved, reference: string, context: ResolveContext): Runnable => {
  const { kind, name, source, verdict } = resolved;
  const place = `${source.uri}#${kind}/${name}`;
  const { objects, others, diagnostics } = loadObjects(new TextDecoder().decode(resolved.bytes), place);
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, place);
  for (const warning of diagnostics) context.warn(warning);
  const [first, ...more] = objects;
  if (first === undefined || !holds(first, kind, name) || more.length + others.length > 0) {
    throw new WaybillError(
      'BadBundle',
      `the layer of ${kind} "${name}" in ${source.uri}@${source.digest} holds something else`,
    );
  }
  return withSource(first, { ...source, reference, verdict });
};

const holds = ({ object }: LoadedObject, kind: string, name: string): boolean =>
  object.kind.toLowerCase() === kind && object.metadata.name === name;

/** An object from a file. No policy speaks of it: it is never verified. */
export const localRunnable = (local: LocalObject, reference: string): Runnable =>
  withSource(local, { uri: `file:${local.file}`, digest: local.digest, reference, verdict: LOCAL });

export const LOCAL = { verified: false, signers: [], reason: 'local file' } as const;

const withSource = (loaded: LoadedObject, source: Omit<Provenance, 'kind' | 'name'>): Runnable => {
  const { object } = loaded;
  const name = object.metadata.name ?? '';
  switch (object.kind) {
    case 'Task':
      return { object, source: { kind: 'Task', name, ...source }, loaded };
    case 'Pipeline':
      return { object, source: { kind: 'Pipeline', name, ...source }, loaded };
    case 'StepAction':
    case 'TaskRun':
    case 'PipelineRun':
      throw new WaybillError('Usage', `${object.kind} "${name}" is no Task and no Pipeline`, { subject: name });
  }
};
