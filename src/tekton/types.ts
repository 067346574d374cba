import type {
  Container,
  EnvVar,
  PersistentVolumeClaim,
  PodSpec,
  Volume,
  VolumeMount,
} from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

/** The Tekton v1 API as Waybill reads it, after defaults and conversion. Field names and meaning are Tekton's: https://tekton.dev/docs/pipelines/pipeline-api/ */
export type TektonObject = Task | Pipeline | StepAction | TaskRun | PipelineRun;

export type ParamType = 'string' | 'array' | 'object';
export type ParamValue = string | readonly string[] | Readonly<Record<string, string>>;

export interface ParamSpec {
  readonly name: string;
  readonly type: ParamType;
  readonly description?: string;
  readonly default?: ParamValue;
  readonly properties?: Readonly<Record<string, { readonly type?: 'string' }>>;
  readonly enum?: readonly string[];
}

export interface Param {
  readonly name: string;
  readonly value: ParamValue;
}

export interface ResultSpec {
  readonly name: string;
  readonly type: ParamType;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, { readonly type?: 'string' }>>;
  /** Only in a Task: takes the value of a step's result. */
  readonly value?: ParamValue;
}

export interface Step {
  readonly name?: string;
  readonly displayName?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly script?: string;
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: Container['envFrom'];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly imagePullPolicy?: string;
  readonly securityContext?: Container['securityContext'];
  readonly computeResources?: Container['resources'];
  readonly timeout?: string;
  readonly onError?: string;
  readonly results?: readonly ResultSpec[];
  readonly ref?: Reference;
  readonly params?: readonly Param[];
}

export interface WorkspaceDeclaration {
  readonly name: string;
  readonly description?: string;
  readonly mountPath?: string;
  readonly readOnly?: boolean;
  readonly optional?: boolean;
}

export interface TaskSpec {
  readonly displayName?: string;
  readonly description?: string;
  readonly params?: readonly ParamSpec[];
  readonly steps: readonly Step[];
  readonly stepTemplate?: Partial<Step>;
  readonly results?: readonly ResultSpec[];
  readonly workspaces?: readonly WorkspaceDeclaration[];
  readonly volumes?: readonly Volume[];
}

export interface Task {
  readonly apiVersion: 'tekton.dev/v1';
  readonly kind: 'Task';
  readonly metadata: ObjectMeta;
  readonly spec: TaskSpec;
}

/** A taskRef, pipelineRef or step ref: by name, or by resolver and params. */
export interface Reference {
  readonly name?: string;
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly resolver?: string;
  readonly params?: readonly Param[];
}

export interface WhenExpression {
  readonly input?: string;
  readonly operator?: 'in' | 'notin';
  readonly values?: readonly string[];
  readonly cel?: string;
}

export interface PipelineTask {
  readonly name: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly taskRef?: Reference;
  readonly taskSpec?: TaskSpec & { readonly metadata?: ObjectMeta };
  readonly params?: readonly Param[];
  readonly runAfter?: readonly string[];
  readonly when?: readonly WhenExpression[];
  readonly retries?: number;
  readonly timeout?: string;
  readonly onError?: string;
  readonly workspaces?: readonly { readonly name: string; readonly workspace?: string; readonly subPath?: string }[];
}

export interface PipelineSpec {
  readonly displayName?: string;
  readonly description?: string;
  readonly params?: readonly ParamSpec[];
  readonly workspaces?: readonly {
    readonly name: string;
    readonly description?: string;
    readonly optional?: boolean;
  }[];
  readonly tasks: readonly PipelineTask[];
  readonly finally?: readonly PipelineTask[];
  readonly results?: readonly {
    readonly name: string;
    readonly type?: ParamType;
    readonly description?: string;
    readonly value: ParamValue;
  }[];
}

export interface Pipeline {
  readonly apiVersion: 'tekton.dev/v1';
  readonly kind: 'Pipeline';
  readonly metadata: ObjectMeta;
  readonly spec: PipelineSpec;
}

/** Read and packed as it is; running it is refused for now. */
export interface StepAction {
  readonly apiVersion: 'tekton.dev/v1beta1' | 'tekton.dev/v1alpha1';
  readonly kind: 'StepAction';
  readonly metadata: ObjectMeta;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** How a run binds one workspace. */
export interface WorkspaceBinding {
  readonly name: string;
  readonly subPath?: string;
  readonly emptyDir?: Volume['emptyDir'];
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly volumeClaimTemplate?: PersistentVolumeClaim;
  readonly configMap?: Volume['configMap'];
  readonly secret?: Volume['secret'];
}

export type PodTemplate = Pick<
  PodSpec,
  | 'nodeSelector'
  | 'tolerations'
  | 'affinity'
  | 'securityContext'
  | 'runtimeClassName'
  | 'automountServiceAccountToken'
  | 'dnsPolicy'
  | 'dnsConfig'
  | 'enableServiceLinks'
  | 'priorityClassName'
  | 'schedulerName'
  | 'imagePullSecrets'
  | 'hostAliases'
  | 'hostNetwork'
  | 'topologySpreadConstraints'
  | 'volumes'
> & { readonly env?: readonly EnvVar[] };

export interface TaskRun {
  readonly apiVersion: 'tekton.dev/v1';
  readonly kind: 'TaskRun';
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly taskRef?: Reference;
    readonly taskSpec?: TaskSpec;
    readonly params?: readonly Param[];
    readonly workspaces?: readonly WorkspaceBinding[];
    readonly serviceAccountName?: string;
    readonly podTemplate?: PodTemplate;
    readonly timeout?: string;
    readonly retries?: number;
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface PipelineRun {
  readonly apiVersion: 'tekton.dev/v1';
  readonly kind: 'PipelineRun';
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly pipelineRef?: Reference;
    readonly pipelineSpec?: PipelineSpec;
    readonly params?: readonly Param[];
    readonly workspaces?: readonly WorkspaceBinding[];
    readonly taskRunTemplate?: { readonly serviceAccountName?: string; readonly podTemplate?: PodTemplate };
    readonly timeouts?: { readonly pipeline?: string; readonly tasks?: string; readonly finally?: string };
  };
  readonly status?: Readonly<Record<string, unknown>>;
}
