import type { Path } from '../core/index.ts';
import { Editor, type Fields } from './edit.ts';
import { collect, type Found } from './finding.ts';
import type { Kind } from './kinds.ts';

/** A v1beta1 object in the shape of v1, before it meets the v1 schema. */
export interface Converted {
  readonly value: unknown;
  /** Fields of v1beta1 that v1 has no place for, and fields of v1 that v1beta1 does not know. */
  readonly found: readonly Found[];
  /** Where a path of the v1 object stands in the text. */
  readonly originOf: (path: Path) => Path;
}

/**
 * Moves a v1beta1 object's fields to where v1 has them, as Tekton's conversion webhook does: `resources` of steps and
 * sidecars, `bundle` of references, `timeout`, `serviceAccountName` and `podTemplate` of a PipelineRun, overrides of
 * steps. What Tekton has removed is `removed-field`; container fields that a step no longer has are dropped with a
 * warning `dropped-field`. https://tekton.dev/docs/pipelines/migrating-v1beta1-to-v1/
 */
export const convert = (kind: Kind, input: Fields): Converted => {
  const { found, report } = collect();
  const editor = new Editor(input, report, found);
  editor.set(['apiVersion'], 'tekton.dev/v1');
  switch (kind) {
    case 'Task':
      convertTaskSpec(editor, ['spec']);
      break;
    case 'Pipeline':
      convertPipelineSpec(editor, ['spec']);
      break;
    case 'TaskRun':
      convertTaskRun(editor);
      break;
    case 'PipelineRun':
      convertPipelineRun(editor);
      break;
    case 'StepAction':
      break;
  }
  return { value: editor.value, found, originOf: (path) => editor.originOf(path) };
};

const PIPELINE_RESOURCES = 'PipelineResources were removed from Tekton; use a Task instead';

/** Fields of a container that steps of v1beta1 still have, deprecated and without effect, and steps of v1 do not. */
const DROPPED = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'stdin',
  'stdinOnce',
  'tty',
];

const convertTaskSpec = (editor: Editor, at: Path): void => {
  editor.refuse([...at, 'resources'], 'removed-field', PIPELINE_RESOURCES);
  for (const step of editor.items([...at, 'steps'])) {
    convertResources(editor, step);
    for (const field of DROPPED) editor.drop([...step, field], 'a step has no such field in v1, and it had no effect');
  }
  convertResources(editor, [...at, 'stepTemplate']);
  for (const field of ['name', ...DROPPED]) {
    editor.drop([...at, 'stepTemplate', field], 'a step template has no such field in v1, and it had no effect');
  }
  for (const sidecar of editor.items([...at, 'sidecars'])) convertResources(editor, sidecar);
};

const convertResources = (editor: Editor, at: Path): void => {
  editor.refuse([...at, 'computeResources'], 'unknown-field', 'v1beta1 calls this field "resources"');
  editor.move([...at, 'resources'], [...at, 'computeResources']);
};

const convertPipelineSpec = (editor: Editor, at: Path): void => {
  editor.refuse([...at, 'resources'], 'removed-field', PIPELINE_RESOURCES);
  for (const section of ['tasks', 'finally']) {
    for (const task of editor.items([...at, section])) {
      editor.refuse([...task, 'resources'], 'removed-field', PIPELINE_RESOURCES);
      convertReference(editor, [...task, 'taskRef'], 'task');
      convertReference(editor, [...task, 'pipelineRef'], 'pipeline');
      if (editor.has([...task, 'taskSpec'])) convertTaskSpec(editor, [...task, 'taskSpec']);
    }
  }
};

/** `bundle` becomes the params of the bundles resolver. */
const convertReference = (editor: Editor, at: Path, kind: 'task' | 'pipeline'): void => {
  const reference = editor.fields(at);
  if (reference === undefined || reference.bundle === undefined) return;
  const { bundle, name, kind: written, ...rest } = reference;
  editor.set(at, {
    ...rest,
    resolver: 'bundles',
    params: [
      { name: 'bundle', value: bundle },
      { name: 'name', value: name },
      { name: 'kind', value: typeof written === 'string' && written !== '' ? written.toLowerCase() : kind },
    ].filter(({ value }) => value !== undefined),
  });
  editor.cameFrom([...at, 'params'], [...at, 'bundle']);
  editor.cameFrom([...at, 'resolver'], [...at, 'bundle']);
};

const convertTaskRun = (editor: Editor): void => {
  editor.refuse(['spec', 'resources'], 'removed-field', PIPELINE_RESOURCES);
  convertReference(editor, ['spec', 'taskRef'], 'task');
  if (editor.has(['spec', 'taskSpec'])) convertTaskSpec(editor, ['spec', 'taskSpec']);
  convertOverrides(editor, ['spec']);
};

const convertOverrides = (editor: Editor, at: Path): void => {
  for (const [old, now] of [
    ['stepOverrides', 'stepSpecs'],
    ['sidecarOverrides', 'sidecarSpecs'],
  ] as const) {
    editor.move([...at, old], [...at, now]);
    for (const spec of editor.items([...at, now])) convertResources(editor, spec);
  }
};

const convertPipelineRun = (editor: Editor): void => {
  editor.refuse(['spec', 'resources'], 'removed-field', PIPELINE_RESOURCES);
  editor.refuse(['spec', 'taskRunTemplate'], 'unknown-field', 'v1beta1 has these fields in the spec itself');
  convertReference(editor, ['spec', 'pipelineRef'], 'pipeline');
  if (editor.has(['spec', 'pipelineSpec'])) convertPipelineSpec(editor, ['spec', 'pipelineSpec']);
  editor.move(['spec', 'serviceAccountName'], ['spec', 'taskRunTemplate', 'serviceAccountName']);
  editor.move(['spec', 'podTemplate'], ['spec', 'taskRunTemplate', 'podTemplate']);
  editor.move(['spec', 'timeout'], ['spec', 'timeouts', 'pipeline']);
  for (const spec of editor.items(['spec', 'taskRunSpecs'])) {
    editor.move([...spec, 'taskServiceAccountName'], [...spec, 'serviceAccountName']);
    editor.move([...spec, 'taskPodTemplate'], [...spec, 'podTemplate']);
    convertOverrides(editor, spec);
  }
};
