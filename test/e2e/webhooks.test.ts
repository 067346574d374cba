import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { testCluster } from '../support/cluster.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { letGo, processesOf, UNTIL_GO } from '../support/node.ts';
import { IMAGE, taskOf } from '../support/objects.ts';
import { conditionOf, endedPods, endOf, FORTY_TWO, pairOf, podsOf, runObject } from '../support/pair.ts';
import { type Change, startWebhook, type Verdict, type Webhook } from '../support/webhook.ts';

const { own } = await testCluster();
let admin: Admin;

beforeAll(async () => {
  admin = await adminOf((await testCluster()).kubeconfig);
});
afterAll(() => admin?.close());

describe.skipIf(!own)('webhooks', () => {
  let space: TestNamespace;
  let hooks: readonly Webhook[] = [];
  /** Runs whose pods the validating webhook says nothing to. */
  const silent = new Set<string>();

  const FOREVER = 'trap "exit 0" TERM\nwhile :; do sleep 1; done';
  const mesh = (script: string, more: Partial<Container> = {}): Container => ({
    name: 'mesh',
    image: IMAGE,
    command: ['sh', '-c', script],
    ...more,
  });
  /** It ends by itself when all others have. */
  const native = (script: string): Container => ({ ...mesh(script), ...{ restartPolicy: 'Always' } });
  const append = (...containers: readonly Container[]): readonly Change[] =>
    containers.map((value) => ({ op: 'add', path: '/spec/containers/-', value }));
  const before = (...containers: readonly Container[]): readonly Change[] => [
    { op: 'add', path: '/spec/initContainers', value: containers },
  ];
  /** By the name of the run, without the grouping. */
  const INJECTED: Readonly<Record<string, (pod: Pod) => readonly Change[]>> = {
    last: () => append(mesh(FOREVER)),
    first: ({ spec }) => [
      { op: 'add', path: '/metadata/labels/mesh.example~1injected', value: 'true' },
      { op: 'add', path: '/spec/volumes/-', value: { name: 'mesh', emptyDir: {} } },
      ...(spec?.containers ?? []).flatMap((_, index): Change[] => [
        { op: 'add', path: `/spec/containers/${index}/imagePullPolicy`, value: 'Always' },
        { op: 'add', path: `/spec/containers/${index}/env/-`, value: { name: 'MESH', value: 'yes' } },
        { op: 'add', path: `/spec/containers/${index}/volumeMounts/-`, value: { name: 'mesh', mountPath: '/mesh' } },
      ]),
      { op: 'add', path: '/spec/containers/0', value: mesh(FOREVER) },
    ],
    native: () => before(mesh('sleep 2', { name: 'mesh-init' }), native(FOREVER)),
    many: () =>
      append(
        mesh('exit 1', { name: 'broken' }),
        mesh('tail /dev/zero', { name: 'hungry', resources: { limits: { memory: '16Mi' } } }),
        mesh('true', { name: 'missing', image: `${space.cluster.registry}/${space.name}/missing:1` }),
        mesh(FOREVER, { readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 } }),
      ),
    blocked: () => before(mesh('echo no network; exit 3', { name: 'mesh-init' })),
  };
  const runOf = (pod: Pod): string => pod.metadata?.labels?.['waybill.dev/run'] ?? '';
  const kindOf = (pod: Pod): string => runOf(pod).replace(/-(?:task|run|resumed|killed)$/, '');

  const REFUSAL = `policy of the \u001b[31mplatform\u001b[0m team:\n${'images must be signed; '.repeat(200)}`;
  const judge = (pod: Pod): Verdict => {
    if (silent.has(runOf(pod))) return { kind: 'silent' };
    switch (kindOf(pod)) {
      case 'denied':
        return { kind: 'deny', message: REFUSAL };
      case 'denied-oddly':
        return { kind: 'deny', message: 'no', code: 500 };
      default:
        return { kind: 'allow' };
    }
  };

  beforeAll(async () => {
    space = await testNamespace('webhooks');
    const namespace = space.name;
    hooks = await Promise.all([
      startWebhook(admin, {
        namespace,
        kind: 'Mutating',
        review: (pod) => ({ kind: 'allow', changes: INJECTED[kindOf(pod)]?.(pod) ?? [] }),
      }),
      startWebhook(admin, { namespace, kind: 'Validating', review: judge }),
    ]);
  });
  afterAll(async () => {
    await Promise.all(hooks.map((hook) => hook.stop()));
    await space?.delete();
  });

  describe.each(['task', 'run'])('--pods %s', (pods) => {
    test.concurrent.each([
      ['last', 'a container that never ends'],
      ['first', 'one that comes first, with labels, pull policies, environment and volumes for ours'],
      ['native', 'a native sidecar, after an init container that takes a while'],
      ['many', 'containers that fail, are out of memory, have no image, are never ready'],
    ])('%s: %s is no matter of the run', async (kind) => {
      const name = `${kind}-${pods}`;
      const { output, stderr } = well(await runObject(space, name, pairOf(), ['--pods', pods]));
      expect(output?.status.results).toEqual(FORTY_TWO);
      expect(stderr).not.toContain('PodKeepsRunning');
      for (const { spec, status } of await endedPods(space, name)) {
        expect(JSON.stringify([spec?.containers, spec?.initContainers])).toContain('"mesh');
        expect(status).toMatchObject(kind === 'native' ? { phase: 'Succeeded' } : { reason: 'DeadlineExceeded' });
      }
      expect(well(await space.cli(['logs', name])).stdout).toContain('got 21');
    });

    test.concurrent('an init container that fails is tried again, and then named', async () => {
      const name = `blocked-${pods}`;
      const end = await endOf(space, name, 'make', runObject(space, name, pairOf(), ['--pods', pods]));
      const failed = (await podsOf(space, name)).map(({ status }) => {
        const at = status?.initContainerStatuses?.[0]?.state?.terminated?.finishedAt;
        return Date.parse(String(at));
      });
      expectFault('injected-init-fails', { ...end, known: Math.max(...failed) });
      expect(end.message).toContain('mesh-init');
    });

    test.concurrent.each(['denied', 'denied-oddly'])('%s: a refusal is final, in its own words', async (kind) => {
      const name = `${kind}-${pods}`;
      const end = await endOf(space, name, 'make', runObject(space, name, pairOf(), ['--pods', pods]));
      expectFault('webhook-denies', end);
      expect(end.message).toContain('denied the request: ');
      expect(end.message.length).toBeLessThan(1200);
      expect(end.stderr).not.toContain('\u001b');
    });

    test.concurrent('a webhook that does not answer is waited for', async () => {
      const name = `silent-${pods}`;
      silent.add(name);
      const driver = space.start(['run', await space.file(`${name}.yaml`, pairOf()), '--name', name, '--pods', pods]);
      await driver.says('failed calling webhook');
      silent.delete(name);
      const known = Date.now();
      // It goes on.
      await eventually('its pod is made', async () => (await podsOf(space, name)).length > 0 || undefined);
      const over = Date.now();
      const done = well(await driver.finished);
      expectFault('webhook-silent', { ...done, ...(await conditionOf(space, name, 'make')), known, over });
    });
  });

  /** Starts a task whose pod has a container that never ends, and waits until its step has begun. */
  const startHeldUp = async (name: string, script: string) => {
    const task = taskOf('held', [`echo begun\n${script}`], { results: [{ name: 'r' }] });
    const driver = space.start(['run', await space.file(`${name}.yaml`, task), '--name', name]);
    await driver.says('begun');
    const [pod] = await podsOf(space, name);
    if (pod === undefined) throw new Error(`${name} has no pod`);
    return { driver, pod };
  };

  test.concurrent('the deadline that ends a container of others is no timeout for a driver that resumes', async () => {
    const { driver, pod } = await startHeldUp('last-resumed', `${UNTIL_GO}\nprintf done > $(results.r.path)`);
    driver.child.kill('SIGKILL');
    await driver.finished;
    await letGo(pod.metadata.uid);
    await eventually('the step ends', async () => {
      const { status } = await space.client.get('pods', pod.metadata.name);
      return status?.containerStatuses?.some(({ name, state }) => name === 'waybill-supervisor' && state?.terminated);
    });
    // As the driver would have done, had it lived a little longer.
    const patch = { metadata: { annotations: { 'waybill.dev/told': 'true' } }, spec: { activeDeadlineSeconds: 1 } };
    await space.client.patch('pods', pod.metadata.name, patch);
    expect(await endedPods(space, 'last-resumed')).toMatchObject([{ status: { reason: 'DeadlineExceeded' } }]);
    const { output } = well(await space.run(['--resume', 'last-resumed']));
    expect(output?.status.results).toMatchObject([{ name: 'r', value: 'done' }]);
  });

  test.concurrent('a container that never ends does not hide the end of the agent', async () => {
    const { driver, pod } = await startHeldUp('last-killed', 'sleep 300');
    const agent = (await processesOf(pod.metadata.uid)).find(({ argv }) => argv[0] === '/supervisor');
    if (agent === undefined) throw new Error('the pod has no supervisor');
    process.kill(agent.pid, 'SIGKILL');
    const known = Date.now();
    const done = await driver.finished;
    const over = Date.now();
    expectFault('agent-killed-injected', {
      ...done,
      ...(await conditionOf(space, 'last-killed', 'held')),
      known,
      over,
    });
    await endedPods(space, 'last-killed');
  });
});
