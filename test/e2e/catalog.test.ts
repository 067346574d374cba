import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pushSigned, type Signed, well } from '../support/bundles.ts';
import { standIn } from '../support/cluster.ts';
import { type RunOutput, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { IMAGE, pipelineOf } from '../support/objects.ts';

const CATALOG = join(import.meta.dirname, '../../../shared/corpus/catalog/task');
const NAMES = ['generate-build-id', 'write-file', 'jq'] as const;
const FILES = NAMES.map((name) => join(CATALOG, name, '0.1', `${name}.yaml`));

/** The images that the tasks name by digest, and those of the cluster that stand in for them. */
const IMAGES = {
  'docker.io/library/bash:5.0.18@sha256:879f94a9da53dc064779e7a68339aecd60a9028ff884cacaa47ae752ca690404':
    'docker.io/library/bash:5.0.18',
  'docker.io/library/alpine:3.12@sha256:36553b10a4947067b9fbb7d532951066293a68eae893beba1d9235f7d11a20ad':
    'docker.io/library/alpine:3.12',
  'quay.io/jpmaida1/jq@sha256:f90645c017ba8b1a2fff44309231cb7f8fd3a441690e17c15a53e60997f309c0':
    'quay.io/jpmaida1/jq:latest',
} as const;

const present = FILES.every((file) => existsSync(file));
if (!present) console.warn(`the catalog is not there (${CATALOG}): its tasks are not run`);

const resultsOf = (output: RunOutput | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries((output?.status.results ?? []).map(({ name, value }) => [name, value]));

describe.runIf(present)('tasks of the Tekton catalog, unchanged, from a signed bundle', () => {
  let space: TestNamespace;
  let signed: Signed;
  let stands = true;

  beforeAll(async () => {
    space = await testNamespace('catalog');
    signed = await pushSigned(space, 'catalog:0.1', FILES);
    for (const [reference, image] of Object.entries(IMAGES)) stands &&= await standIn(reference, image);
    const data = { 'people.json': JSON.stringify({ people: [{ name: 'Alice' }, { name: 'Bob' }] }) };
    await space.client.create('configmaps', { metadata: { name: 'people' }, data });
  });
  afterAll(() => space?.delete());

  const run = (name: string, more: readonly string[]) =>
    space.run([`${signed.bundle}#task/${name}`, '--policy', signed.policy, ...more]);

  test('the bundle lists all three', async () => {
    const { stdout } = well(await space.cli(['list', signed.bundle, '-o', 'json']));
    for (const name of NAMES) expect(stdout).toContain(`"${name}"`);
  });

  test('generate-build-id 0.1', async ({ skip }) => {
    skip(!stands, 'a foreign cluster has no stand-ins for pinned images');
    const ran = well(await run('generate-build-id', ['-p', 'base-version=2.3']));
    const { timestamp, 'build-id': id } = resultsOf(ran.output);
    expect(timestamp).toMatch(/^\d{8}-\d{6}$/);
    expect(id).toBe(`2.3-${timestamp}`);
  });

  test('write-file 0.1: contents arrive as they are', async ({ skip }) => {
    skip(!stands, 'a foreign cluster has no stand-ins for pinned images');
    const contents = 'a "quoted" $HOME `id`\n$(params.mode) $(PARAM_PATH) $$(x)\n\ttab \\n é 漢 \'single\'\n';
    await space.client.create('persistentvolumeclaims', {
      metadata: { name: 'files' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
    });
    const where = ['-w', 'output=pvc=files,subPath=deep'];
    well(await run('write-file', ['-p', 'path=a/b/c.txt', '-p', `contents=${contents}`, '-p', 'mode=0640', ...where]));
    const script = 'stat -c "%a" a/b/c.txt; base64 -w0 a/b/c.txt > $(results.content.path)';
    const reader = {
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { name: 'read' },
      spec: {
        workspaces: [{ name: 'in' }],
        results: [{ name: 'content' }],
        steps: [{ image: IMAGE, workingDir: '$(workspaces.in.path)', script }],
      },
    };
    const read = well(
      await space.run([await space.file('read.yaml', reader), '-w', 'in=pvc=files,subPath=deep', '--name', 'read']),
    );
    expect(read.stderr).toContain('[read : unnamed-0] 640');
    expect(Buffer.from(String(resultsOf(read.output).content), 'base64').toString('utf8')).toBe(contents);
  });

  test('jq 0.1: a file of a ConfigMap, its workspace bound or left out', async ({ skip }) => {
    skip(!stands, 'a foreign cluster has no stand-ins for pinned images');
    const file = ['-w', 'source=config=people', '-p', 'input=people.json', '-p', 'filter=.people[].name'];
    expect(resultsOf(well(await run('jq', file)).output)).toEqual({ 'jq-script-outcome': '"Alice"\n"Bob"\n' });
    const text = ['-p', 'stringOrFile=string', '-p', 'input=[1,2,3]', '-p', 'filter=add'];
    expect(resultsOf(well(await run('jq', text)).output)).toEqual({ 'jq-script-outcome': '6\n' });
    const wrong = await run('jq', ['-p', 'stringOrFile=neither']);
    expect(wrong.code).toBe(1);
    expect(wrong.output?.status.steps).toMatchObject([{ name: 'jq-script', terminated: { exitCode: 1 } }]);
  });

  test.each(['task', 'run'])('all three in a Pipeline that names them in their bundle, --pods %s', async (pods) => {
    if (!stands) return;
    const ref = (name: string) => ({
      resolver: 'bundles',
      params: [
        { name: 'bundle', value: `${signed.bundle}@${signed.digest}` },
        { name: 'name', value: name },
      ],
    });
    const pipeline = pipelineOf('catalog', {
      workspaces: [{ name: 'files' }],
      tasks: [
        { name: 'id', taskRef: ref('generate-build-id') },
        {
          name: 'write',
          taskRef: ref('write-file'),
          params: [
            { name: 'path', value: 'build.json' },
            { name: 'contents', value: '{"id": "$(tasks.id.results.build-id)"}' },
          ],
          workspaces: [{ name: 'output', workspace: 'files' }],
        },
        {
          name: 'read',
          taskRef: ref('jq'),
          runAfter: ['write'],
          params: [
            { name: 'input', value: 'build.json' },
            { name: 'filter', value: '.id' },
          ],
          workspaces: [{ name: 'source', workspace: 'files' }],
        },
      ],
      results: [
        { name: 'id', value: '$(tasks.id.results.build-id)' },
        { name: 'read', value: '$(tasks.read.results.jq-script-outcome)' },
      ],
    });
    const file = await space.file(`pipeline-${pods}.yaml`, pipeline);
    const ran = well(await space.run([file, '--policy', signed.policy, '--pods', pods, '-w', 'files=claim=16Mi']));
    const { id, read } = resultsOf(ran.output);
    expect(read).toBe(`"${id}"\n`);
  });
});
