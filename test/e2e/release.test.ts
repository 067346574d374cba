import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskRun } from '../../src/tekton/index.ts';
import { pushSigned, type Signed, well } from '../support/bundles.ts';
import { type Ran, type TestNamespace, testNamespace } from '../support/namespace.ts';

const ROOT = join(import.meta.dirname, '../..');
const RELEASE = join(ROOT, 'fixtures/release');
const TEMPLATE = join(ROOT, 'fixtures/restricted-pod-template.yaml');

/** What must be the same in every run of the same input. */
const outcomeOf = ({ status, spec }: Pick<TaskRun, 'status' | 'spec'>): unknown => {
  const { conditions, results, steps, retriesStatus, provenance } = status as {
    conditions: readonly { type: string; status: string; reason: string; message: string }[];
    steps?: readonly {
      name: string;
      terminationReason: string;
      results?: unknown;
      terminated?: { exitCode: number };
    }[];
    [key: string]: unknown;
  };
  return {
    spec,
    conditions: conditions.map(({ type, status: holds, reason, message }) => ({ type, holds, reason, message })),
    results,
    provenance,
    retries: retriesStatus,
    steps: steps?.map((step) => ({ ...step, container: '', terminated: step.terminated?.exitCode })),
  };
};

/** Lines of a log by task, in their order. */
const linesByTask = (text: string): Readonly<Record<string, readonly string[]>> => {
  const lines = text.split('\n').filter((line) => /^\[[\w-]+ : /.test(line));
  return Object.groupBy(lines, (line) => /^\[([\w-]+) : /.exec(line)?.[1] ?? '') as Record<string, string[]>;
};

/** What each task writes, its steps in their order; `…` is anything. */
const LOGS: Readonly<Record<string, readonly string[]>> = {
  source: [
    '[source : write] ./README',
    '[source : write] ./src/add.sh',
    '[source : write] ./src/hello.sh',
    '[source : write] ./test/add.sh',
    '[source : write] ./test/hello.sh',
    '[source : revision] revision 3dec1c5d080fec864460dd632e86e4674f0c5675',
  ],
  lint: [
    '[lint : syntax] ok src/add.sh',
    '[lint : syntax] ok src/hello.sh',
    '[lint : syntax] ok test/add.sh',
    '[lint : syntax] ok test/hello.sh',
  ],
  'unit-test': ['[unit-test : test] passed test/add.sh', '[unit-test : test] passed test/hello.sh'],
  'build-id': ['[build-id : join] 1.2.3-3dec1c5d'],
  report: [
    '[report : report] tasks:   Succeeded',
    '[report : report] package: Succeeded',
    '[report : report] build:   1.2.3-3dec1c5d',
    '[report : report] owner:   release <release@example.com>',
  ],
};

describe.each([
  { user: 'root', restricted: false, template: [] },
  { user: 'not root, PodSecurity restricted', restricted: true, template: ['--pod-template', TEMPLATE] },
])('the release pipeline, signed, from its bundle, as $user', ({ restricted, template }) => {
  let space: TestNamespace;
  let signed: Signed;
  const runs = new Map<string, Ran>();

  beforeAll(async () => {
    space = await testNamespace(restricted ? 'release-restricted' : 'release', { restricted });
    signed = await pushSigned(space, 'release:1.2.3', [RELEASE]);
  });
  afterAll(() => space?.delete());

  test.each(['task', 'run'])('--pods %s: succeeds, and every log is whole and in order', async (pods) => {
    const ran = await space.run([
      `${signed.bundle}#pipeline/release`,
      ...['--policy', signed.policy, '--require-verified', '--pods', pods, '--name', `by-${pods}`],
      ...['-p', 'version=1.2.3', '-w', 'source=claim=16Mi', ...template],
    ]);
    runs.set(pods, well(ran));
    expect(ran.output?.status.conditions[0]).toMatchObject({ status: 'True', reason: 'Succeeded' });
    expect(ran.stderr).toContain('verified by sha256:');

    // With -o json the steps' logs are on standard error, as they came.
    const { package: pack, ...live } = linesByTask(ran.stderr);
    expect(live).toEqual(LOGS);
    expect(pack?.at(-1)).toBe(
      '[package : describe] ["README","src/add.sh","src/hello.sh","test/add.sh","test/hello.sh"]',
    );
    const again = well(await space.cli(['logs', `by-${pods}`]));
    expect(linesByTask(again.stdout)).toEqual({ ...LOGS, package: pack });
  });

  test('both groupings have the same results and the same final status', async () => {
    const [task, run] = ['task', 'run'].map((pods) => runs.get(pods)?.output);
    expect(outcomeOf(run as never)).toEqual(outcomeOf(task as never));
    expect(Object.fromEntries((run?.status.results ?? []).map(({ name, value }) => [name, value]))).toEqual({
      revision: '3dec1c5d080fec864460dd632e86e4674f0c5675',
      'build-id': '1.2.3-3dec1c5d',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      files: ['README', 'src/add.sh', 'src/hello.sh', 'test/add.sh', 'test/hello.sh'],
      summary: '1.2.3-3dec1c5d Succeeded',
    });
    const [byTask, byRun] = await Promise.all(['by-task', 'by-run'].map((name) => space.taskRuns(name)));
    expect(Object.keys(byTask ?? {})).toEqual(['source', 'lint', 'unit-test', 'build-id', 'package', 'report']);
    for (const [name, child] of Object.entries(byTask ?? {})) {
      expect(outcomeOf(byRun?.[name] as TaskRun), name).toEqual(outcomeOf(child));
    }
  });

  test('they differ in their pods', async () => {
    const pods = await space.pods();
    const of = (run: string) => pods.filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === run).length;
    expect(of('by-task')).toBe(6);
    // Source; unit-test, which may be retried, alone; package; report. Lint and build-id share a pod with others.
    expect(of('by-run')).toBeLessThan(6);
    // The kubelet tells of an end a moment after the run has ended.
    const phases = async () => new Set((await space.pods()).map(({ status }) => status?.phase));
    await expect.poll(phases, { timeout: 20_000 }).toEqual(new Set(['Succeeded']));
  });

  test('runs names both with their end', async () => {
    const { stdout } = well(await space.cli(['runs', '-o', 'json']));
    const { runs: listed } = JSON.parse(stdout) as {
      runs: readonly { name: string; status: string; driven: boolean }[];
    };
    expect(listed.map(({ name, status, driven }) => ({ name, status, driven }))).toEqual([
      { name: 'by-run', status: 'True', driven: false },
      { name: 'by-task', status: 'True', driven: false },
    ]);
  });

  test('delete leaves nothing of them: no pod, no Secret, no claim, no volume', async () => {
    expect(await space.volumes()).toHaveLength(2);
    well(await space.cli(['delete', 'by-task', 'by-run']));
    expect(await space.objects()).toEqual([]);
    await expect.poll(() => space.volumes(), { timeout: 20_000 }).toEqual([]);
    const { code } = await space.cli(['logs', 'by-run']);
    expect(code).toBe(3);
  });
});
