import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstSaid } from '../support/events.ts';
import { expectFault } from '../support/faults.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { pushBadAgent, pushStepImage } from '../support/images.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
/** How the kubelet says that a container does not come up. */
const FAILED = ['Failed', 'InspectFailed', 'FailedPostStartHook'];
/** A digest that no registry has. */
const NOWHERE = `@sha256:${'0'.repeat(64)}`;

let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('images', { restricted: true });
});
afterAll(() => space?.delete());

const run = async (name: string, object: object, more: readonly string[] = []) => {
  const file = await space.file(`${name}.yaml`, object);
  const ran = await space.run([file, '--name', name, '--pod-template', TEMPLATE, ...more]);
  const over = Date.now();
  const known = await firstSaid(space.client, name, FAILED);
  return { ...ran, conditions: ran.output?.status.conditions, over, ...(known !== undefined && { known }) };
};

/** A gate of one test's own, and an image behind it that no node has yet. */
const gated = async (name: string): Promise<{ readonly gate: Gate; readonly image: string }> => {
  const gate = await startGate(space.cluster, `${space.name}-${name}`);
  const pushed = await pushStepImage(space.cluster.registry, `${space.name}/${name}`);
  return { gate, image: `${gate.host}/${pushed}` };
};

const ownOnly = (skip: (note: string) => void): void => {
  if (!space.cluster.own) skip('the node of a foreign cluster cannot be told where a host’s images are');
};

describe.concurrent('an image', () => {
  test('that is held back for a minute keeps its task waiting, and no other', async ({ skip }) => {
    ownOnly(skip);
    const { gate, image } = await gated('held');
    try {
      gate.hold();
      const pipeline = pipelineOf('held', {
        tasks: [
          { name: 'slow', taskSpec: specOf([{ image, script: 'echo slow' }]) },
          { name: 'quick', taskSpec: specOf(['echo quick']) },
          { name: 'then', runAfter: ['quick'], taskSpec: specOf(['echo then']) },
        ],
      });
      const file = await space.file('held.yaml', pipeline);
      const drivers = ['task', 'run'].map((pods) =>
        space.start(['run', file, '--name', `held-${pods}`, '--pods', pods, '--pod-template', TEMPLATE]),
      );
      const since = Date.now();
      await Promise.all(drivers.map(({ says }) => says('Pulling')));
      await drivers[0]?.says('[then : unnamed-0] then');
      await new Promise((done) => setTimeout(done, since + 60_000 - Date.now()));
      gate.release();
      const known = Date.now();
      const ended = await Promise.all(drivers.map(({ finished }) => finished));
      const over = Date.now();
      for (const [index, pods] of ['task', 'run'].entries()) {
        const { slow } = await space.taskRuns(`held-${pods}`);
        const { code, stderr } = ended[index] ?? { code: null, stderr: '' };
        expectFault('image-held-back', { code, stderr, conditions: slow?.status?.conditions, known, over });
      }
    } finally {
      await gate.close();
    }
  });

  test.for(['step', 'agent'])('of a registry that stays away fails after a minute: %s', async (whose, { skip }) => {
    ownOnly(skip);
    const { gate, image } = await gated(`away-${whose}`);
    try {
      await gate.shut();
      const name = `away-${whose}`;
      const task = taskOf(name, whose === 'step' ? [{ image, script: 'true' }] : ['true']);
      const ended = await run(name, task, whose === 'agent' ? ['--agent-image', image] : []);
      expectFault('registry-gone', ended);
    } finally {
      await gate.close();
    }
  });

  test.for(['step', 'agent'])('of a registry that comes back is pulled after all: %s', async (whose, { skip }) => {
    ownOnly(skip);
    const { gate, image } = await gated(`back-${whose}`);
    const [, agent = ''] = space.cluster.agentImage.split(/\/(.*)/);
    try {
      await gate.shut();
      const name = `back-${whose}`;
      const task = taskOf(name, whose === 'step' ? [{ image, script: 'true' }] : ['true']);
      const file = await space.file(`${name}.yaml`, task);
      const more = whose === 'agent' ? ['--agent-image', `${gate.host}/${agent}`] : [];
      const driver = space.start(['run', file, '--name', name, '--pod-template', TEMPLATE, ...more]);
      await driver.says('ImagePullBackOff');
      await gate.open();
      const known = Date.now();
      const ended = await driver.finished;
      const { status } = (await space.taskRuns(name))[name] ?? {};
      expectFault('registry-gone-and-back', { ...ended, conditions: status?.conditions, known, over: Date.now() });
    } finally {
      await gate.close();
    }
  });

  test.each(['task', 'run'])('of a step that no registry has fails its task: --pods %s', async (pods) => {
    const image = `${space.cluster.registry}/${space.name}/missing${NOWHERE}`;
    const name = `no-image-${pods}`;
    const pipeline = pipelineOf('no-image', {
      tasks: [
        { name: 'good', taskSpec: specOf(['echo good']) },
        { name: 'bad', runAfter: ['good'], taskSpec: specOf([{ name: 'pull', image, script: 'true' }]) },
        { name: 'never', runAfter: ['bad'], taskSpec: specOf(['echo never']) },
      ],
      finally: [{ name: 'report', taskSpec: specOf(['echo report $(tasks.bad.status)']) }],
    });
    const { code, output, stderr, over, known } = await run(name, pipeline, ['--pods', pods]);
    expect(output?.status.conditions[0]).toMatchObject({ status: 'False', reason: 'Failed' });
    expect(stderr).toContain('[report : unnamed-0] report Failed');
    expect(stderr).not.toContain('echo never');
    const { bad } = await space.taskRuns(name);
    expectFault('step-image-missing', {
      ...{ code, stderr, over },
      ...(known !== undefined && { known }),
      conditions: bad?.status?.conditions,
    });
    expect(bad?.status?.conditions).toMatchObject([{ message: expect.stringContaining(`"${image}"`) }]);
  });

  test('of a step whose name is none fails its task, whatever retries it has', async () => {
    const bad = { name: 'bad', retries: 2, taskSpec: specOf([{ image: 'Not/An:@Image', script: 'true' }]) };
    const { output: _, ...ended } = await run('bad-name', pipelineOf('bad-name', { tasks: [bad] }));
    const { status } = (await space.taskRuns('bad-name')).bad ?? {};
    expectFault('step-image-name', { ...ended, conditions: status?.conditions });
    expect(status?.retriesStatus).toBeUndefined();
  });
});

describe.concurrent('the agent', () => {
  const never = (stderr: string) => expect(stderr).not.toContain('never ran');

  test.each([
    ['agent-image-missing', () => `${space.cluster.registry}/waybill/agent${NOWHERE}`],
    ['agent-image-name', () => 'Not/An:@Image'],
  ])('without an image is no fault of a step: %s', async (name, image) => {
    const task = taskOf(name, ['echo never ran']);
    const { output, ...ended } = await run(name, task, ['--agent-image', image()]);
    if (name === 'agent-image-name') expectFault('agent-image-name', ended);
    else expectFault('agent-image-missing', ended);
    expect(output?.status.conditions[0].message).toContain('waybill-supervisor');
    expect(output?.status.retriesStatus).toBeUndefined();
    never(ended.stderr);
  });

  test.each([
    ['agent-hook', { run: 'trap exit TERM; sleep 1000 & wait', ready: 'echo no >&2; exit 1' }],
    ['agent-crash', { run: 'exit 3', ready: 'exit 0' }],
  ])('that does not come up is tried in three pods: %s', async (name, scripts) => {
    const image = await pushBadAgent(space.cluster.registry, `${space.name}/${name}`, scripts);
    const { output, ...ended } = await run(name, taskOf(name, ['echo never ran']), ['--agent-image', image]);
    if (name === 'agent-hook') expectFault('agent-hook', ended);
    else expectFault('agent-crash', ended);
    expect(output?.status.podName).toMatch(/-pod-3$/);
    never(ended.stderr);
  });
});
