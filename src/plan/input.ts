import type { Diagnostic } from '../core/index.ts';
import type { Param, Pipeline, PodTemplate, Task, WorkspaceBinding } from '../tekton/index.ts';
import type { RunTimeouts } from './timeouts.ts';
import type { Grouping, Plan, Provenance } from './types.ts';

/** A run as its user asks for it; everything random or of the moment comes from outside. */
export interface RunInput {
  readonly kind: Plan['kind'];
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly grouping: Grouping;
  readonly params: readonly Param[];
  readonly workspaces: readonly WorkspaceBinding[];
  readonly timeouts?: RunTimeouts;
  /** Of a TaskRun alone. */
  readonly retries?: number;
  /** `default` where the run does not say. */
  readonly serviceAccountName?: string;
  readonly podTemplate?: PodTemplate;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An object after its reference was resolved and verified. */
export interface ResolvedObject<T extends Task | Pipeline> {
  readonly object: T;
  readonly source: Provenance;
}

export interface CompileInput {
  readonly run: RunInput;
  /** A Task for a TaskRun, a Pipeline for a PipelineRun. */
  readonly object: ResolvedObject<Task> | ResolvedObject<Pipeline>;
  /** By name of the pipeline task, for those that have a taskRef. */
  readonly tasks?: ReadonlyMap<string, ResolvedObject<Task>>;
}

/** The plan, unless a finding is an error. Paths are those of the Pipeline or Task, and of the run for its own fields. */
export interface Compiled {
  readonly plan?: Plan;
  readonly diagnostics: readonly Diagnostic[];
}
