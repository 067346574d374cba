import { describe, expect, test } from 'vitest';
import { checkTogether, type Loaded, loadObjects, referencesIn, type TaskSpec } from '../../../src/tekton/index.ts';
import { renderYaml } from '../../../src/yaml/index.ts';

const load = (value: object, strictness: 'lint' | 'run' = 'run'): Loaded =>
  loadObjects(renderYaml(value), 'f.yaml', { strictness });

const task = (spec: object, apiVersion = 'tekton.dev/v1') => ({
  apiVersion,
  kind: 'Task',
  metadata: { name: 't' },
  spec,
});
const pipeline = (spec: object, apiVersion = 'tekton.dev/v1') => ({
  apiVersion,
  kind: 'Pipeline',
  metadata: { name: 'p' },
  spec,
});
const step = { name: 'a', image: 'i', script: 'true' };

const codes = ({ diagnostics }: Loaded): string[] => diagnostics.map(({ code, severity }) => `${severity} ${code}`);
const specOf = ({ objects }: Loaded): Record<string, unknown> => objects[0]?.object.spec as never;

describe('documents', () => {
  test('others are returned apart', () => {
    const { objects, others, diagnostics } = loadObjects(
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n',
      'f',
    );
    expect([objects, diagnostics]).toEqual([[], []]);
    expect(others.map(({ kind, name }) => [kind, name])).toEqual([
      ['Secret', 's'],
      ['ConfigMap', 'c'],
    ]);
  });

  test.each([
    [{ a: 1 }, 'not-an-object'],
    [{ apiVersion: 'v1', kind: 'List', items: [] }, 'unsupported-kind'],
    [{ apiVersion: 'tekton.dev/v1beta1', kind: 'CustomRun', metadata: { name: 'c' } }, 'unsupported-kind'],
    [task({ steps: [step] }, 'tekton.dev/v1alpha1'), 'unsupported-version'],
    [{ apiVersion: 'v1', kind: 'Secret' }, 'required-field'],
  ])('%j', (value, code) => {
    expect(codes(load(value))).toEqual([`error ${code}`]);
  });

  test('a null field is one that is not there', () => {
    const loaded = loadObjects(
      'apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t, creationTimestamp: null}\nspec:\n  params:\n  steps:\n    - {image: i, script: x, env: }\n',
      'f',
    );
    expect(codes(loaded)).toEqual([]);
    expect(specOf(loaded)).toEqual({ steps: [{ image: 'i', script: 'x' }] });
  });
});

describe('defaults', () => {
  test('types of params and results', () => {
    const { params, results } = specOf(
      load(
        task({
          params: [
            { name: 'none' },
            { name: 'text', default: 'x' },
            { name: 'list', default: ['x'] },
            { name: 'map', properties: { a: {} }, default: { a: 'x' } },
          ],
          results: [{ name: 'r' }, { name: 'o', properties: { a: {} } }],
          steps: [step],
        }),
      ),
    ) as unknown as TaskSpec;
    expect(params?.map(({ type }) => type)).toEqual(['string', 'string', 'array', 'object']);
    expect(params?.[3]?.properties).toEqual({ a: { type: 'string' } });
    expect(results?.map(({ type }) => type)).toEqual(['string', 'object']);
  });

  test('values that are no texts become the text of their JSON, as in Tekton', () => {
    const loaded = loadObjects(
      'apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  params:\n    - {name: a, default: 5}\n    - {name: b, default: yes}\n    - {name: c, default: [1, x]}\n  steps: [{image: i, script: x}]\n',
      'f',
    );
    expect(specOf(loaded).params).toMatchObject([
      { default: '5' },
      { default: 'true' },
      { default: '[1,"x"]', type: 'string' },
    ]);
  });

  test('what is packed stays as it was', () => {
    const value = task({ params: [{ name: 'a' }], steps: [step] });
    expect(load(value).objects[0]?.original).toEqual(value);
  });
});

describe('conversion', () => {
  const old = 'tekton.dev/v1beta1';

  test('fields move to where v1 has them', () => {
    const resources = { limits: { cpu: '1' } };
    expect(specOf(load(task({ steps: [{ ...step, resources }], stepTemplate: { resources } }, old)))).toEqual({
      steps: [{ ...step, computeResources: resources }],
      stepTemplate: { computeResources: resources },
    });
  });

  test('a bundle becomes params of the resolver', () => {
    const loaded = load(pipeline({ tasks: [{ name: 'a', taskRef: { name: 'x', bundle: 'r/i:1' } }] }, old));
    const object = loaded.objects[0]?.object;
    expect(object && referencesIn(object)).toMatchObject([
      { target: { kind: 'bundle', bundle: 'r/i:1', name: 'x', objectKind: 'task' } },
    ]);
  });

  test('a PipelineRun gets a task run template and timeouts', () => {
    const run = {
      apiVersion: old,
      kind: 'PipelineRun',
      metadata: { generateName: 'r-' },
      spec: {
        pipelineRef: { name: 'p' },
        serviceAccountName: 's',
        podTemplate: { hostNetwork: true },
        timeout: '1h',
      },
    };
    expect(specOf(load(run))).toEqual({
      pipelineRef: { name: 'p' },
      taskRunTemplate: { serviceAccountName: 's', podTemplate: { hostNetwork: true } },
      timeouts: { pipeline: '1h' },
    });
  });

  test('findings stand where the file has the field', () => {
    const { diagnostics } = loadObjects(
      'apiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n    - image: i\n      script: x\n      resources:\n        limit: {cpu: 1}\n',
      'f',
    );
    expect(diagnostics).toMatchObject([
      { code: 'unknown-field', range: { start: { line: 9, column: 9 } }, hint: 'did you mean "limits"?' },
    ]);
  });

  test('what was removed is refused, what had no effect is told of', () => {
    expect(codes(load(task({ resources: { inputs: [] }, steps: [step] }, old)))).toEqual(['error removed-field']);
    expect(codes(load(task({ steps: [{ ...step, tty: true }] }, old)))).toEqual(['warning dropped-field']);
    expect(codes(load(task({ steps: [{ ...step, computeResources: {} }] }, old)))).toEqual(['error unknown-field']);
  });

  test('the old spelling of params is read', () => {
    const spec = { params: [{ name: 'x' }], steps: [{ ...step, script: '$(inputs.params.x)' }] };
    expect(codes(load(task(spec, old)))).toEqual([]);
  });
});

describe('what cannot run yet', () => {
  const withTask = (more: object) => pipeline({ tasks: [{ name: 'a', taskRef: { name: 't' }, ...more }] });
  const run = (kind: string, spec: object) => ({
    apiVersion: 'tekton.dev/v1',
    kind,
    metadata: { name: 'r' },
    spec,
  });

  test.each([
    task({ steps: [{ ...step, when: [{ input: 'a', operator: 'in', values: ['a'] }] }] }),
    task({ steps: [{ ...step, envFrom: [{ secretRef: { name: 's' } }] }] }),
    task({ steps: [{ ...step, stdoutConfig: { path: 'x' } }] }),
    task({ steps: [{ ...step, volumeDevices: [{ name: 'd', devicePath: '/d' }] }] }),
    task({ steps: [step], sidecars: [{ name: 's', image: 'i' }] }),
    task({ steps: [{ ...step, workspaces: [{ name: 'w' }] }], workspaces: [{ name: 'w' }] }),
    withTask({ matrix: { params: [{ name: 'x', value: ['a'] }] } }),
    withTask({ when: [{ cel: 'true' }] }),
    withTask({ taskRef: { kind: 'ClusterTask', name: 'w' } }),
    withTask({ taskRef: { apiVersion: 'example.dev/v1', name: 'w' } }),
    pipeline({ tasks: [{ name: 'a', pipelineSpec: { tasks: [] } }] }),
    pipeline({ tasks: [{ name: 'a', pipelineRef: { name: 'p' } }] }),
    run('TaskRun', { taskRef: { name: 't' }, debug: { breakpoints: { onFailure: 'enabled' } } }),
    run('TaskRun', { taskRef: { name: 't' }, computeResources: { limits: { cpu: '1' } } }),
    run('TaskRun', { taskRef: { name: 't' }, stepSpecs: [{ name: 'a', computeResources: {} }] }),
    run('PipelineRun', { pipelineRef: { name: 'p' }, taskRunSpecs: [{ pipelineTaskName: 'a' }] }),
    run('PipelineRun', { pipelineRef: { name: 'p' }, status: 'PipelineRunPending' }),
  ])('%j', (value) => {
    expect(codes(load(value))).toEqual(['error unsupported-field']);
    expect(codes(load(value, 'lint'))).toEqual(['warning unsupported-field']);
    expect(load(value, 'lint').objects).toHaveLength(1);
  });
});

describe('embedded specs', () => {
  test('see params and workspaces of the Pipeline, and results of other tasks', () => {
    const spec = {
      params: [{ name: 'outer' }],
      workspaces: [{ name: 'w' }],
      tasks: [
        { name: 'a', taskSpec: { results: [{ name: 'r' }], steps: [{ ...step, script: 'echo $(params.outer)' }] } },
        {
          name: 'b',
          params: [{ name: 'mine', value: 'x' }],
          taskSpec: { steps: [{ ...step, script: '$(params.mine) $(workspaces.w.path) $(tasks.a.results.r)' }] },
        },
      ],
    };
    expect(codes(load(pipeline(spec)))).toEqual([]);
    const bad = structuredClone(spec);
    (bad.tasks[1]?.taskSpec.steps[0] as { script: string }).script =
      '$(tasks.a.results.q) $(params.no) $(tasks.status)';
    expect(codes(load(pipeline(bad)))).toEqual([
      'error unknown-result',
      'error unknown-param',
      'error unknown-variable',
    ]);
  });

  test('need their params and workspaces', () => {
    const spec = {
      tasks: [{ name: 'a', taskSpec: { params: [{ name: 'x' }], workspaces: [{ name: 'w' }], steps: [step] } }],
    };
    expect(codes(load(pipeline(spec)))).toEqual(['error missing-param', 'error missing-workspace']);
  });
});

describe('together', () => {
  test('the same object twice', () => {
    const text = renderYaml(task({ steps: [step] }));
    const { objects } = loadObjects(`${text}---\n${text}`, 'f');
    expect(checkTogether(objects)).toMatchObject([{ code: 'duplicate-object', path: ['metadata', 'name'] }]);
  });
});
