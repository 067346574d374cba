import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { testCluster } from '../support/cluster.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { IMAGE, pipelineOf, specOf } from '../support/objects.ts';
import { type Change, startWebhook, type Verdict, type Webhook } from '../support/webhook.ts';

const { own } = await testCluster();
let admin: Admin;

beforeAll(async () => {
  admin = await adminOf((await testCluster()).kubeconfig);
});
afterAll(() => admin?.close());

/** Two tasks, of which one needs a result of the other. */
const PAIR = pipelineOf('pair', {
  results: [{ name: 'out', value: '$(tasks.use.results.out)' }],
  tasks: [
    { name: 'make', taskSpec: specOf(['printf 21 > $(results.n.path)'], { results: [{ name: 'n' }] }) },
    {
      name: 'use',
      params: [{ name: 'n', value: '$(tasks.make.results.n)' }],
      taskSpec: specOf(['echo got $(params.n)\nprintf $((2 * $(params.n))) > $(results.out.path)'], {
        params: [{ name: 'n' }],
        results: [{ name: 'out' }],
      }),
    },
  ],
});
const FORTY_TWO = [{ name: 'out', value: '42' }];

const run = async (space: TestNamespace, name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, ...more]);

const podsOf = async (space: TestNamespace, name: string) =>
  (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === name);

/** The run's pods, once all have ended. */
const ended = (space: TestNamespace, name: string) =>
  eventually(`the pods of ${name} end`, async () => {
    const pods = await podsOf(space, name);
    return pods.every(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed') ? pods : undefined;
  });

describe.skipIf(!own)('webhooks', () => {
  let space: TestNamespace;
  let hooks: readonly Webhook[] = [];
  /** How often a run's pod was sent. */
  const asked = new Map<string, number>();

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
  const kindOf = (pod: Pod): string => pod.metadata?.labels?.['waybill.dev/run']?.replace(/-(?:task|run)$/, '') ?? '';

  const REFUSAL = `policy of the \u001b[31mplatform\u001b[0m team:\n${'images must be signed; '.repeat(200)}`;
  const judge = (pod: Pod): Verdict => {
    const kind = kindOf(pod);
    asked.set(kind, (asked.get(kind) ?? 0) + 1);
    if (kind === 'denied') return { kind: 'deny', message: REFUSAL };
    if (kind === 'denied-oddly') return { kind: 'deny', message: 'no', code: 500 };
    return kind === 'silent' && silent ? { kind: 'silent' } : { kind: 'allow' };
  };
  const silent = true;

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
      const { output, stderr } = well(await run(space, name, PAIR, ['--pods', pods]));
      expect(output?.status.results).toEqual(FORTY_TWO);
      expect(stderr).not.toContain('PodKeepsRunning');
      for (const { spec, status } of await ended(space, name)) {
        expect(JSON.stringify([spec?.containers, spec?.initContainers])).toContain('"mesh');
        expect(status).toMatchObject(kind === 'native' ? { phase: 'Succeeded' } : { reason: 'DeadlineExceeded' });
      }
      expect(well(await space.cli(['logs', name])).stdout).toContain('got 21');
    });

    test.concurrent('an init container that fails is tried again, and then named', async () => {
      const known = Date.now();
      const ran = await run(space, `blocked-${pods}`, PAIR, ['--pods', pods]);
      const { make } = await space.taskRuns(`blocked-${pods}`);
      const { conditions } = make?.status ?? {};
      expectFault('injected-init-fails', { ...ran, conditions, known, over: Date.now() });
      expect(JSON.stringify(conditions)).toContain('mesh-init');
    });

    test.concurrent.each(['denied', 'denied-oddly'])('%s: a refusal is final, in its own words', async (kind) => {
      const known = Date.now();
      const ran = await run(space, `${kind}-${pods}`, PAIR, ['--pods', pods]);
      const { make } = await space.taskRuns(`${kind}-${pods}`);
      const { conditions } = make?.status ?? {};
      expectFault('webhook-denies', { ...ran, conditions, known, over: Date.now() });
      const [{ message = '' } = {}] = (conditions ?? []) as readonly { message?: string }[];
      expect(message).toContain('denied the request: ');
      expect(message.length).toBeLessThan(1200);
      expect(ran.stderr).not.toContain('\u001b');
    });
  });
});
