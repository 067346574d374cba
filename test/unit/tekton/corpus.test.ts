import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Loaded, loadObjects } from '../../../src/tekton/index.ts';

const CORPUS = resolve(import.meta.dirname, '../../../../shared/corpus');
const absent = !existsSync(CORPUS);

/** Loads every YAML file of a folder of the corpus, as lint would. */
const loadFolder = (folder: string): [string, Loaded][] =>
  readdirSync(join(CORPUS, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => [name, loadObjects(readFileSync(join(CORPUS, folder, name), 'utf8'), name, { strictness: 'lint' })]);

const isDefinition = ([name]: readonly [string, Loaded]): boolean => name.split('/').length === 3;

const REFUSED = [
  'buildkit-daemonless/0.1',
  'buildkit/0.1',
  'buildpacks-phases/0.1',
  'buildpacks/0.1',
  'buildpacks/0.2',
  'jib-gradle/0.1',
  'jib-maven/0.1',
  'makisu/0.1',
  'openshift-client-kubecfg/0.1',
  'openshift-client/0.1',
  's2i/0.1',
];

if (absent) console.warn('skipped: the corpus (../shared/corpus) is not here');

describe.skipIf(absent)('upstream files', () => {
  test('catalog tasks: 37 of v1, 252 of 263 of v1beta1, and 11 refused for PipelineResources', {
    timeout: 60_000,
  }, () => {
    const files = loadFolder('catalog/task');
    const tasks = files.filter(isDefinition);
    expect(tasks).toHaveLength(300);
    const versions = tasks.flatMap(([, { objects }]) => objects.map(({ apiVersion }) => apiVersion));
    expect(versions.filter((version) => version === 'tekton.dev/v1')).toHaveLength(37);
    expect(versions.filter((version) => version === 'tekton.dev/v1beta1')).toHaveLength(252);
    const refused = tasks.filter(([, { diagnostics }]) => diagnostics.some(({ severity }) => severity === 'error'));
    expect(refused.map(([name]) => name.split('/').slice(0, 2).join('/'))).toEqual(REFUSED);
    expect(new Set(refused.flatMap(([, { diagnostics }]) => diagnostics.map(({ code }) => code)))).toContain(
      'removed-field',
    );
    expect(
      tasks.flatMap(([, { objects }]) => objects).every(({ object }) => object.apiVersion === 'tekton.dev/v1'),
    ).toBe(true);

    // Nine samples are templates, and no YAML.
    const broken = files.filter(([, { diagnostics }]) => diagnostics.some(({ code }) => code === 'bad-key'));
    expect(broken).toHaveLength(9);
  });

  test('every example is valid, and every document of it is read', { timeout: 60_000 }, () => {
    const errors = loadFolder('examples').flatMap(([name, { diagnostics }]) =>
      diagnostics
        .filter(({ severity }) => severity === 'error')
        .map(({ code, range }) => `${name}:${range?.start.line} ${code}`),
    );
    expect(errors).toEqual([]);
  });

  test('StepActions and Pipelines of the catalog are valid', () => {
    const objects = ['catalog/stepaction', 'catalog/pipeline'].flatMap((folder) =>
      loadFolder(folder).flatMap(([, loaded]) => loaded.objects.map(({ object }) => object.kind)),
    );
    expect(objects.filter((kind) => kind === 'StepAction')).toHaveLength(5);
    expect(objects.filter((kind) => kind === 'Pipeline')).toHaveLength(3);
  });
});
