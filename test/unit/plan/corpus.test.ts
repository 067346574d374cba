import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, type RunInput, type Text } from '../../../src/plan/index.ts';
import type { Task } from '../../../src/tekton/index.ts';
import { parseYaml } from '../../../src/yaml/index.ts';
import { findings, planOf, run } from './objects.ts';

const CATALOG = resolve(import.meta.dirname, '../../../../shared/corpus/catalog/task');

/** A task of the catalog as it is read, with the one default that matters here. */
const load = (path: string): Task => {
  const [document] = parseYaml(readFileSync(resolve(CATALOG, path), 'utf8')).documents;
  const task = document?.value as unknown as Task;
  const typed = <T extends { readonly type?: unknown }>(list: readonly T[] = []) =>
    list.map((entry) => ({ ...entry, type: entry.type ?? 'string' }) as T);
  return { ...task, spec: { ...task.spec, params: typed(task.spec.params), results: typed(task.spec.results) } };
};

const compileFrom = (path: string, more: Partial<RunInput>) => {
  const object = load(path);
  return compile({ run: run(more), object: { object, source: { kind: 'Task', name: object.metadata.name ?? '' } } });
};

// The catalog is not part of this repository: without it these say so and are skipped.
describe.skipIf(!existsSync(CATALOG))(`tasks of the catalog in ${CATALOG.split('/').slice(-4).join('/')}`, () => {
  test('generate-build-id, with the old spelling of params', () => {
    const plan = planOf(compileFrom('generate-build-id/0.1/generate-build-id.yaml', {}));
    const scripts = plan.nodes[0]?.steps.map(({ script }) => script?.join('')) ?? [];
    expect(scripts[0]).toContain('tee /tekton/results/timestamp');
    expect(scripts[1]).toMatch(/buildId=1\.0-\$\{ts\}/);
  });

  test('write-file, whose contents stay as they are', () => {
    const params = [
      { name: 'path', value: 'a/b' },
      { name: 'contents', value: '$(params.mode) `id`' },
    ];
    const binding = { workspaces: [{ name: 'output', emptyDir: {} }] };
    const step = planOf(compileFrom('write-file/0.1/write-file.yaml', { params, ...binding })).nodes[0]?.steps[0];
    expect(step?.workingDir).toEqual(['/workspace/output']);
    expect(step?.env.map((entry) => ('value' in entry ? entry.value : []))).toEqual<Text[]>([
      ['a/b'],
      ['0755'],
      ['$(params.mode) `id`'],
    ]);
    expect(findings(compileFrom('write-file/0.1/write-file.yaml', binding))).toEqual([
      'error missing-param spec.params.0',
      'error missing-param spec.params.1',
    ]);
  });

  test('jq, without its optional workspace', () => {
    const params = [{ name: 'input', value: '{"a":1}' }];
    const [node] = planOf(compileFrom('jq/0.1/jq.yaml', { params })).nodes;
    expect(node?.workspaces).toMatchObject([{ name: 'source', workspace: null }]);
    expect(node?.steps[0]?.workingDir).toBeUndefined();
    expect(node?.steps[0]?.image.join('')).toMatch(/^quay\.io\//);
  });
});
