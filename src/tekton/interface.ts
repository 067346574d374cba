import { referencesIn } from './references.ts';
import type {
  ParamSpec,
  ParamType,
  ParamValue,
  PipelineTask,
  ResultSpec,
  TektonObject,
  WorkspaceDeclaration,
} from './types.ts';

/** What an object takes and gives, for those who use it. */
export interface ObjectInterface {
  readonly kind: string;
  readonly name: string;
  readonly apiVersion: string;
  /** Of the label `app.kubernetes.io/version`. */
  readonly version?: string;
  readonly description?: string;
  readonly params: readonly InterfaceParam[];
  readonly workspaces: readonly InterfaceWorkspace[];
  readonly results: readonly InterfaceResult[];
  /** Of a Task, with the steps' images. */
  readonly steps: readonly { readonly name: string; readonly image?: string; readonly uses?: string }[];
  /** Of a Pipeline, those of `finally` last. */
  readonly tasks: readonly { readonly name: string; readonly uses?: string; readonly finally: boolean }[];
}

interface InterfaceParam {
  readonly name: string;
  readonly type: ParamType;
  readonly description?: string;
  /** Without one the param must be given. */
  readonly default?: ParamValue;
  readonly enum?: readonly string[];
  readonly properties?: readonly string[];
}

interface InterfaceWorkspace {
  readonly name: string;
  readonly description?: string;
  readonly optional: boolean;
  readonly readOnly: boolean;
}

interface InterfaceResult {
  readonly name: string;
  readonly type: ParamType;
  readonly description?: string;
}

/** Specs of all kinds, as far as they declare something. */
interface Declares {
  readonly description?: string;
  readonly params?: readonly ParamSpec[];
  readonly workspaces?: readonly WorkspaceDeclaration[];
  readonly results?: readonly (Pick<ResultSpec, 'name' | 'description'> & { readonly type?: ParamType })[];
}

/** The interface of a Task, Pipeline or StepAction. */
export const interfaceOf = (
  object: Extract<TektonObject, { readonly kind: 'Task' | 'Pipeline' | 'StepAction' }>,
): ObjectInterface => {
  const { description, params = [], workspaces = [], results = [] } = object.spec as Declares;
  const version = object.metadata.labels?.['app.kubernetes.io/version'];
  return {
    kind: object.kind,
    name: object.metadata.name ?? '',
    apiVersion: object.apiVersion,
    ...(version === undefined ? {} : { version }),
    ...described(description),
    params: params.map(({ name, type, description: says, default: value, enum: values, properties }) => ({
      name,
      type,
      ...described(says),
      ...(value === undefined ? {} : { default: value }),
      ...(values === undefined ? {} : { enum: values }),
      ...(properties === undefined ? {} : { properties: Object.keys(properties).sort() }),
    })),
    workspaces: workspaces.map(({ name, description: says, optional = false, readOnly = false }) => ({
      name,
      ...described(says),
      optional,
      readOnly,
    })),
    results: results.map(({ name, type = 'string', description: says }) => ({ name, type, ...described(says) })),
    steps: stepsOf(object),
    tasks: object.kind === 'Pipeline' ? tasksOf(object) : [],
  };
};

const described = (text: string | undefined): { readonly description?: string } =>
  text === undefined || text.trim() === '' ? {} : { description: text };

const stepsOf = (object: TektonObject): ObjectInterface['steps'] => {
  if (object.kind !== 'Task') return [];
  return object.spec.steps.map(({ name = '', image, ref }, index) => ({
    name: name === '' ? `unnamed-${index}` : name,
    ...(image === undefined ? {} : { image }),
    ...(ref === undefined ? {} : { uses: usedAt(object, ['spec', 'steps', index, 'ref']) }),
  }));
};

const tasksOf = (object: Extract<TektonObject, { readonly kind: 'Pipeline' }>): ObjectInterface['tasks'] => {
  const of = (section: 'tasks' | 'finally', tasks: readonly PipelineTask[]) =>
    tasks.map(({ name, taskRef }, index) => ({
      name,
      ...(taskRef === undefined ? {} : { uses: usedAt(object, ['spec', section, index, 'taskRef']) }),
      finally: section === 'finally',
    }));
  return [...of('tasks', object.spec.tasks), ...of('finally', object.spec.finally ?? [])];
};

/** What a reference at a path names, in one line. */
const usedAt = (object: TektonObject, path: readonly (string | number)[]): string => {
  const found = referencesIn(object).find((one) => one.path.join('/') === path.join('/'));
  switch (found?.target.kind) {
    case 'name':
      return found.target.name;
    case 'bundle':
      return `${found.target.bundle}#${found.target.objectKind}/${found.target.name}`;
    case 'resolver':
      return `${found.target.resolver}:${found.target.params.map(({ name, value }) => `${name}=${String(value)}`).join(',')}`;
    case 'late':
      return 'a reference that is known when it runs';
    case 'foreign':
      return `${found.reference.apiVersion ?? ''} ${found.reference.kind ?? ''} ${found.reference.name ?? ''}`.trim();
    case undefined:
      return '';
  }
};
