import type {
  ParamSpec,
  ParamType,
  ParamValue,
  Pipeline,
  PipelineSpec,
  PipelineTask,
  ResultSpec,
  StepAction,
  Task,
  TaskSpec,
  TektonObject,
} from './types.ts';

/** Specs as they are written: types may be left out. */
type Untyped<T extends { type: ParamType }> = Omit<T, 'type'> & { readonly type?: ParamType };

/**
 * An object with the types of params and results filled in, as Tekton's defaulting webhook does: what the params of a
 * plan are compared with, and what `tekton.dev/signature` signs. `kind: Task` of references is filled in too.
 */
export const withDefaults = (object: TektonObject): TektonObject => {
  switch (object.kind) {
    case 'Task':
      return { ...object, spec: defaultTaskSpec(object.spec) } satisfies Task;
    case 'Pipeline':
      return { ...object, spec: defaultPipelineSpec(object.spec) } satisfies Pipeline;
    case 'TaskRun': {
      const { taskRef, taskSpec, ...spec } = object.spec;
      return {
        ...object,
        spec: {
          ...spec,
          ...(taskRef === undefined ? {} : { taskRef: defaultTaskRef(taskRef) }),
          ...(taskSpec === undefined ? {} : { taskSpec: defaultTaskSpec(taskSpec) }),
        },
      };
    }
    case 'PipelineRun': {
      const { pipelineSpec } = object.spec;
      if (pipelineSpec === undefined) return object;
      return { ...object, spec: { ...object.spec, pipelineSpec: defaultPipelineSpec(pipelineSpec) } };
    }
    case 'StepAction':
      return defaultStepAction(object);
  }
};

/**
 * The type of a param: as written, else `object` with properties, else that of its default, else `string`.
 * https://github.com/tektoncd/pipeline/blob/main/pkg/apis/pipeline/v1/param_types.go
 */
export const typeOfParam = ({ type, properties, default: fallback }: Untyped<ParamSpec>): ParamType =>
  type ?? (properties === undefined ? (fallback === undefined ? 'string' : typeOfValue(fallback)) : 'object');

/** The type of a value. */
export const typeOfValue = (value: ParamValue): ParamType =>
  typeof value === 'string' ? 'string' : Array.isArray(value) ? 'array' : 'object';

const defaultParam = (param: ParamSpec): ParamSpec => ({
  ...param,
  type: typeOfParam(param),
  ...defaultProperties(param.properties),
});

const defaultResult = (result: ResultSpec): ResultSpec => {
  const { type, properties } = result as Untyped<ResultSpec>;
  const inferred = type ?? (properties === undefined ? 'string' : 'object');
  return { ...result, type: inferred, ...defaultProperties(properties) };
};

const defaultProperties = (
  properties: ParamSpec['properties'],
): { properties?: NonNullable<ParamSpec['properties']> } =>
  properties === undefined
    ? {}
    : { properties: Object.fromEntries(Object.keys(properties).map((key) => [key, { type: 'string' as const }])) };

const defaultTaskSpec = <T extends TaskSpec>(spec: T): T => ({
  ...spec,
  ...(spec.params === undefined ? {} : { params: spec.params.map(defaultParam) }),
  ...(spec.results === undefined ? {} : { results: spec.results.map(defaultResult) }),
  ...(spec.steps === undefined
    ? {}
    : {
        steps: spec.steps.map((step) =>
          step.results === undefined ? step : { ...step, results: step.results.map(defaultResult) },
        ),
      }),
});

/** By name, a taskRef without a kind means a Task. */
const defaultTaskRef = (reference: NonNullable<PipelineTask['taskRef']>): NonNullable<PipelineTask['taskRef']> =>
  reference.resolver === undefined && reference.kind === undefined ? { ...reference, kind: 'Task' } : reference;

const defaultPipelineTask = (task: PipelineTask): PipelineTask => ({
  ...task,
  ...(task.taskRef === undefined ? {} : { taskRef: defaultTaskRef(task.taskRef) }),
  ...(task.taskSpec === undefined ? {} : { taskSpec: defaultTaskSpec(task.taskSpec) }),
});

const defaultPipelineSpec = (spec: PipelineSpec): PipelineSpec => ({
  ...spec,
  ...(spec.params === undefined ? {} : { params: spec.params.map(defaultParam) }),
  tasks: spec.tasks.map(defaultPipelineTask),
  ...(spec.finally === undefined ? {} : { finally: spec.finally.map(defaultPipelineTask) }),
});

const defaultStepAction = (action: StepAction): StepAction => {
  const { params, results } = action.spec as { params?: readonly ParamSpec[]; results?: readonly ResultSpec[] };
  return {
    ...action,
    spec: {
      ...action.spec,
      ...(params === undefined ? {} : { params: params.map(defaultParam) }),
      ...(results === undefined ? {} : { results: results.map(defaultResult) }),
    },
  };
};
