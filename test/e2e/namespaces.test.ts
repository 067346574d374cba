import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { testCluster } from '../support/cluster.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { annotationIsSeen, cutOffPods, letGo, UNTIL_GO } from '../support/node.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { endedPods, endOf, FORTY_TWO, pairOf, podsOf, runObject } from '../support/pair.ts';

const GROUPINGS = ['task', 'run'] as const;

const { own } = await testCluster();
let admin: Admin;
const spaces: TestNamespace[] = [];

beforeAll(async () => {
  admin = await adminOf((await testCluster()).kubeconfig);
});
afterAll(async () => {
  await Promise.all(spaces.map((space) => space.delete()));
  await admin?.close();
});

/** A namespace of this file, with objects of the platform team in it. */
const spaceWith = async (
  topic: string,
  objects: readonly { readonly kind: string; readonly name: string; readonly [field: string]: unknown }[],
  options: Parameters<typeof testNamespace>[1] = {},
): Promise<TestNamespace> => {
  const space = await testNamespace(topic, options);
  spaces.push(space);
  for (const { kind, name, apiVersion = 'v1', ...rest } of objects) {
    await admin.create({ apiVersion: apiVersion as string, kind, metadata: { name, namespace: space.name }, ...rest });
  }
  return space;
};

const resourcesOf = ({ spec }: Pod): Readonly<Record<string, Container['resources']>> =>
  Object.fromEntries((spec?.containers ?? []).map(({ name, resources }) => [name, resources]));

/** What a run's pods ask of one resource: one entry a pod, with all its containers' requests. */
const requestsOf = async (space: TestNamespace, run: string, resource: string) =>
  (await podsOf(space, run)).map((pod) => Object.values(resourcesOf(pod)).map((one) => one?.requests?.[resource]));

describe.concurrent('a LimitRange', () => {
  const defaults = {
    type: 'Container',
    default: { cpu: '1', memory: '256Mi' },
    defaultRequest: { cpu: '400m', memory: '60Mi' },
    min: { cpu: '20m' },
    max: { cpu: '2', memory: '512Mi' },
  };
  const ratio = {
    type: 'Container',
    default: { cpu: '200m', memory: '24Mi' },
    maxLimitRequestRatio: { cpu: '2' },
  };
  let space: TestNamespace;
  let tight: TestNamespace;
  let changed: TestNamespace;
  beforeAll(async () => {
    [space, changed, tight] = await Promise.all([
      spaceWith('limits', [{ kind: 'LimitRange', name: 'defaults', spec: { limits: [defaults] } }]),
      spaceWith('changed', []),
      spaceWith('ratio', [
        { kind: 'LimitRange', name: 'ratio', spec: { limits: [ratio, { type: 'Pod', max: { cpu: '600m' } }] } },
      ]),
    ]);
  });

  describe.each(GROUPINGS)('--pods %s', (pods) => {
    test('steps of a task share its default request, and the agent has room', async () => {
      const task = taskOf('six', Array(6).fill('true'));
      well(await runObject(space, `six-${pods}`, task, ['--pods', pods]));
      const [pod] = await podsOf(space, `six-${pods}`);
      const { 'waybill-supervisor': agent, ...steps } = resourcesOf(pod ?? {});
      expect(agent).toEqual({
        requests: { cpu: '20m', memory: '16Mi' },
        limits: { cpu: '500m', memory: '128Mi' },
      });
      expect(Object.values(steps)).toEqual(
        Array(6).fill({ requests: { cpu: '66m', memory: '10Mi' }, limits: { cpu: '1', memory: '256Mi' } }),
      );
    });

    test('tasks that run at once have one each, those that wait for another share it', async () => {
      const says = (name: string, after: readonly string[] = []) => ({
        name,
        runAfter: after,
        taskSpec: specOf(['true']),
      });
      const tasks = [says('a'), says('b', ['a']), says('c'), says('d', ['c'])];
      well(await runObject(space, `four-${pods}`, pipelineOf('four', { tasks }), ['--pods', pods]));
      const requests = await requestsOf(space, `four-${pods}`, 'cpu');
      expect(requests).toEqual(
        pods === 'run' ? [['20m', '200m', '200m', '200m', '200m']] : Array(4).fill(['20m', '400m']),
      );
    });

    test('a ratio and a maximum for the pod are kept', async () => {
      const task = taskOf('two', ['true', 'true']);
      well(await runObject(tight, `two-${pods}`, task, ['--pods', pods]));
      expect(await requestsOf(tight, `two-${pods}`, 'cpu')).toEqual([['50m', '100m', '100m']]);
    });
  });

  test('that nobody may read is named when a pod is refused for it', async () => {
    const rules = [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    ];
    const blind = await tight.as({ name: 'blind', rules });
    const end = await endOf(
      tight,
      'blind',
      'two',
      runObject(tight, 'blind', taskOf('two', ['true', 'true']), [], blind),
    );
    expectFault('limit-range-unread', end);
    expect(end.message).toContain('limitranges');
  });

  test.skipIf(!own)('that comes in mid-run is read then', async () => {
    const pair = pairOf(`echo begun\n${UNTIL_GO}`);
    const name = 'change';
    const driver = changed.start(['run', await changed.file('change.yaml', pair), '--name', name, '--pods', 'task']);
    await driver.says('begun');
    const more = { limits: [{ type: 'Container', min: { cpu: '450m', memory: '70Mi' } }] };
    const metadata = { name: 'later', namespace: changed.name };
    await admin.create({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: more });
    const probe = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', namespace: changed.name } };
    const container = { name: 'probe', image: 'probe', resources: { requests: { cpu: '1m' } } };
    await eventually('it is in effect', () =>
      admin.create({ ...probe, spec: { containers: [container] } }, { dryRun: true }).then(
        () => undefined,
        () => true,
      ),
    );
    const [first] = await podsOf(changed, name);
    await letGo(first?.metadata.uid ?? '');
    well(await driver.finished);
    expect(await requestsOf(changed, name, 'cpu')).toContainEqual(['450m', '450m']);
  });
});

describe.concurrent.each(GROUPINGS)('a ResourceQuota for limits, --pods %s', (pods) => {
  let space: TestNamespace;
  beforeAll(async () => {
    const hard = { 'limits.cpu': '4', 'limits.memory': '2Gi', 'requests.cpu': '2', 'requests.memory': '1Gi' };
    space = await spaceWith('quota', [{ kind: 'ResourceQuota', name: 'all', spec: { hard } }]);
  });

  test('the agent says its limits where steps say theirs', async () => {
    const computeResources = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
    const task = taskOf('bounded', [{ script: 'true', computeResources }]);
    well(await runObject(space, `bounded-${pods}`, task, ['--pods', pods]));
    const [pod] = await podsOf(space, `bounded-${pods}`);
    expect(resourcesOf(pod ?? {})['waybill-supervisor']?.limits).toEqual({ cpu: '500m', memory: '128Mi' });
  });

  test('a step that says none is refused, and named alone', async () => {
    const task = taskOf('free', [{ name: 'main', script: 'true' }]);
    const end = await endOf(space, `free-${pods}`, 'free', runObject(space, `free-${pods}`, task, ['--pods', pods]));
    expectFault('quota-demands-limits', end);
    expect(end.message).toContain('must specify limits.cpu for: step-main; limits.memory for: step-main');
  });
});

(own ? describe.concurrent : describe.skip)('a NetworkPolicy that denies all, and no network at all', () => {
  let space: TestNamespace;
  let network: ReturnType<typeof cutOffPods> | undefined;
  beforeAll(async () => {
    const spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
    space = await spaceWith('network', [
      { kind: 'NetworkPolicy', apiVersion: 'networking.k8s.io/v1', name: 'deny-all', spec },
    ]);
    network = cutOffPods(space);
  });
  afterAll(() => network?.stop());

  const UNTIL_CUT = 'until grep -q down /sys/class/net/eth0/operstate; do sleep 0.2; done\necho cut off';

  describe.each(GROUPINGS)('--pods %s', (pods) => {
    test('results go from task to task', async () => {
      const { output, stderr } = well(await runObject(space, `pair-${pods}`, pairOf(UNTIL_CUT), ['--pods', pods]));
      expect(output?.status.results).toEqual(FORTY_TWO);
      expect(stderr).toContain('cut off');
    });

    test('a cancel is heard', async () => {
      const name = `cancel-${pods}`;
      const file = await space.file(`${name}.yaml`, pairOf(`${UNTIL_CUT}\nsleep 300`));
      const driver = space.start(['run', file, '--name', name, '--pods', pods]);
      await driver.says('cut off');
      well(await space.cli(['cancel', name]));
      expect((await driver.finished).code).toBe(130);
      await eventually('its pods are gone', async () => (await podsOf(space, name)).length === 0 || undefined);
    });

    test('a drain is heard: what runs goes on, and nothing else starts', async () => {
      const name = `drain-${pods}`;
      const file = await space.file(`${name}.yaml`, pairOf(`${UNTIL_CUT}\n${UNTIL_GO}\necho went on`));
      const driver = space.start(['run', file, '--name', name, '--pods', pods]);
      await driver.says('cut off');
      well(await space.cli(['cancel', name, '--mode', 'StoppedRunFinally']));
      const [pod] = await podsOf(space, name);
      const uid = pod?.metadata.uid ?? '';
      if (pods === 'run') {
        await eventually('the agent is told', async () => (await annotationIsSeen(uid, 'drain')) || undefined);
      }
      await letGo(uid);
      const { stdout, stderr } = await driver.finished;
      expect(`${stdout}${stderr}`).toContain('went on');
      expect(`${stdout}${stderr}`).not.toContain('got 21');
    });
  });
});

describe.concurrent('PodSecurity baseline, that warns of and records what is not restricted', () => {
  let space: TestNamespace;
  beforeAll(async () => {
    space = await spaceWith('baseline', []);
    const mode = (name: string) => `pod-security.kubernetes.io/${name}`;
    const labels = { [mode('enforce')]: 'baseline', [mode('warn')]: 'restricted', [mode('audit')]: 'restricted' };
    await admin.patch(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: space.name } },
      { metadata: { labels } },
    );
  });

  test.each(GROUPINGS)('lets root run: --pods %s', async (pods) => {
    const { output } = well(await runObject(space, `root-${pods}`, pairOf('[ $(id -u) = 0 ]'), ['--pods', pods]));
    expect(output?.status.results).toEqual(FORTY_TWO);
    await endedPods(space, `root-${pods}`);
  });
});
