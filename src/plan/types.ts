import type { Container, EnvVar, PersistentVolumeClaim, Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import type { Digest } from '../core/index.ts';
import type { ParamType, PodTemplate } from '../tekton/index.ts';
import type { Item, Text, Value } from './text.ts';

/**
 * A run compiled from resolved objects and inputs: immutable JSON, all references resolved, all that is known
 * substituted. Nodes are numbered by their index; `planDigest` is the digest of its canonical JSON.
 */
export interface Plan {
  readonly version: 1;
  /** Of a Task run alone there is one node, and the output is a TaskRun. */
  readonly kind: 'TaskRun' | 'PipelineRun';
  /** The run's name: a DNS label of at most 50 characters. */
  readonly name: string;
  readonly namespace: string;
  /** Where the Pipeline (or the Task) came from, and who signed it. */
  readonly source: Provenance;
  /** Params of the run after defaults, for the output; values of params are not secrets. */
  readonly params: readonly { readonly name: string; readonly value: unknown }[];
  /** DAG tasks first, then `finally` tasks; index = id. */
  readonly nodes: readonly PlanNode[];
  /** Partition of the nodes: each group is one pod. Contracted to groups the graph is acyclic. */
  readonly groups: readonly PlanGroup[];
  /** Milliseconds; 0 = none. `tasks` and `finally` are undefined where the run does not say. */
  readonly timeouts: { readonly pipeline: number; readonly tasks?: number; readonly finally?: number };
  /** Workspaces of the run; nodes name them by index. */
  readonly workspaces: readonly PlanWorkspace[];
  readonly results: readonly { readonly name: string; readonly type: ParamType; readonly value: Value }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Provenance {
  /** Object kind and name, as in its metadata. */
  readonly kind: 'Task' | 'Pipeline';
  readonly name: string;
  /** RefSource: repository without tag, or a `file:` URI; absent for what is embedded in its parent. */
  readonly uri?: string;
  readonly digest?: Digest;
  readonly entryPoint?: string;
  /** As written by the user or the Pipeline. */
  readonly reference?: string;
  readonly verdict?: Verified;
}

/** Outcome of the policy for one bundle, kept in the record. */
export interface Verified {
  readonly verified: boolean;
  readonly signers: readonly string[];
  /** Why not, when not verified: e.g. `no policy`. */
  readonly reason?: string;
  readonly policy?: { readonly source: string; readonly digest: Digest };
}

export interface PlanNode {
  readonly id: number;
  /** Name of the pipeline task, or of the Task for a TaskRun. */
  readonly name: string;
  readonly displayName?: string;
  /** Name of the TaskRun in the output: Tekton's ChildName. */
  readonly runName: string;
  readonly finally: boolean;
  /** Ids of nodes that must be done first (runAfter and results); sorted, all smaller in topological order. */
  readonly needs: readonly number[];
  /** Those of `needs` (or, in finally, of the DAG) whose results the node uses. */
  readonly resultsOf: readonly number[];
  readonly when: readonly PlanWhen[];
  readonly retries: number;
  /** Milliseconds; 0 = none. */
  readonly timeout: number;
  readonly onError: 'continue' | 'stopAndFail';
  readonly steps: readonly PlanStep[];
  readonly results: readonly PlanResult[];
  readonly workspaces: readonly NodeWorkspace[];
  readonly volumes: readonly PodPart<Volume>[];
  readonly serviceAccountName: string;
  readonly podTemplate: PodTemplate;
  readonly source: Provenance;
  /** Labels of the Task's metadata that Tekton copies onto the TaskRun and pod. */
  readonly labels: Readonly<Record<string, string>>;
  readonly params: readonly { readonly name: string; readonly value: Value }[];
}

export interface PlanWhen {
  readonly input: Text;
  readonly operator: 'in' | 'notin';
  readonly values: readonly Item[];
}

export interface PlanStep {
  /** `build` or `unnamed-0`; the container is `step-` + name. */
  readonly name: string;
  readonly displayName?: string;
  readonly image: Text;
  /** Either a script or an argv that is not empty. */
  readonly script?: Text;
  readonly command: readonly Item[];
  readonly args: readonly Item[];
  readonly workingDir?: Text;
  readonly env: readonly PlanEnv[];
  readonly volumeMounts: readonly PodPart<VolumeMount>[];
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly securityContext?: Container['securityContext'];
  readonly computeResources?: Container['resources'];
  /** Milliseconds; 0 = none. */
  readonly timeout: number;
  readonly onError: 'continue' | 'stopAndFail';
  readonly results: readonly { readonly name: string; readonly type: ParamType }[];
}

export type PlanEnv =
  | { readonly name: string; readonly value: Text }
  | { readonly name: string; readonly valueFrom: PodPart<NonNullable<EnvVar['valueFrom']>> };

/** A piece of a pod spec in which texts stand where Tekton allows substitution: `at` maps a JSON pointer to its text; settled pieces have none. */
export interface PodPart<T> {
  readonly body: T;
  readonly at?: Readonly<Record<string, Text>>;
}

export interface PlanResult {
  readonly name: string;
  readonly type: ParamType;
  /** From a step's result; without it, from the file /tekton/results/NAME. */
  readonly value?: Value;
  readonly properties?: readonly string[];
}

export interface NodeWorkspace {
  readonly name: string;
  /** Where the steps see it; `/workspace/NAME` by default. */
  readonly mountPath: string;
  readonly readOnly: boolean;
  /** Index into Plan.workspaces; null = an optional workspace that is not bound (no mount). */
  readonly workspace: number | null;
  readonly subPath?: Text;
}

export type PlanWorkspace =
  | {
      readonly name: string;
      readonly kind: 'emptyDir';
      readonly emptyDir: NonNullable<Volume['emptyDir']>;
      readonly subPath?: string;
    }
  | {
      readonly name: string;
      readonly kind: 'claim';
      readonly claimName: string;
      readonly readOnly: boolean;
      readonly subPath?: string;
    }
  /** `claimName` is fixed at plan time: `<template name or pvc>-<sha256(workspace name + run uid)[:10]>`. */
  | {
      readonly name: string;
      readonly kind: 'template';
      readonly claimName: string;
      readonly template: PersistentVolumeClaim;
      readonly subPath?: string;
    }
  | {
      readonly name: string;
      readonly kind: 'configMap';
      readonly configMap: NonNullable<Volume['configMap']>;
      readonly subPath?: string;
    }
  | {
      readonly name: string;
      readonly kind: 'secret';
      readonly secret: NonNullable<Volume['secret']>;
      readonly subPath?: string;
    };

export interface PlanGroup {
  readonly id: number;
  /** Ids of its nodes in topological order. */
  readonly nodes: readonly number[];
  /** Ids of groups that must be done first. */
  readonly needs: readonly number[];
  /** Why the group ends where it does, for `waybill plan`. */
  readonly reasons: readonly string[];
}

export type Grouping = 'task' | 'auto' | 'run';
