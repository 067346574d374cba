import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import type { Known, Plan } from 'waybill/plan';
import { type Attempt, containersOf, PROGRAM_LIMIT, podNameOf, podOf, programOf, SUPERVISOR } from 'waybill/pod';
import { planOf, step } from '../engine/fixture.ts';

const NOTHING: Known = { result: () => undefined };
const AGENT = { agentImage: 'agent@sha256:00' };

const attemptOf = (plan: Plan, group = 0, known: Known = NOTHING): Attempt => ({
  group,
  attempt: 1,
  runUid: 'u1',
  nodes: plan.groups[group]?.nodes ?? [],
  known: () => known,
});

const containerOf = ({ spec }: Pod, name: string): Container => {
  const container = spec?.containers.find((candidate) => candidate.name === name);
  if (container === undefined) throw new Error(`no container ${name}`);
  return container;
};

const mountsOf = (pod: Pod, name: string): Record<string, string> =>
  Object.fromEntries(
    (containerOf(pod, name).volumeMounts ?? []).map((mount) => [
      mount.mountPath,
      `${mount.name}:${mount.subPath ?? ''}`,
    ]),
  );

test('a pod has the supervisor first, no init container, and Tekton’s container names', () => {
  const plan = planOf([{ name: 'build', steps: [step('one'), step('two')], timeout: 60_000 }]);
  const { pod } = podOf(plan, attemptOf(plan), AGENT);
  expect(pod.spec?.initContainers).toBeUndefined();
  expect(pod.spec?.containers.map(({ name }) => name)).toEqual([SUPERVISOR, 'step-one', 'step-two']);
  expect(pod.spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 90, serviceAccountName: 'default' });
  expect(pod.metadata?.name).toBe('run-build-pod-1');
  expect(pod.metadata?.labels).toMatchObject({
    'app.kubernetes.io/managed-by': 'waybill',
    'waybill.dev/run-uid': 'u1',
    'waybill.dev/attempt': '1',
    'tekton.dev/taskRun': 'run-build',
    'tekton.dev/pipelineTask': 'build',
    'tekton.dev/memberOf': 'tasks',
  });
});

test('the supervisor fits PodSecurity restricted', () => {
  const plan = planOf([{ name: 'a', podTemplate: { securityContext: { runAsUser: 0 } } }]);
  const supervisor = containerOf(podOf(plan, attemptOf(plan), AGENT).pod, SUPERVISOR);
  expect(supervisor.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(supervisor.resources?.limits).toBeUndefined();
  const token = supervisor.volumeMounts?.find(({ mountPath }) => mountPath.endsWith('/serviceaccount'));
  expect(token).toMatchObject({ name: 'waybill-run', readOnly: true });
  expect(supervisor.lifecycle?.postStart?.exec?.command).toEqual(['/supervisor', 'ready']);
});

test('a step has its own socket and Tekton’s folders, but for what it mounts itself', () => {
  const mount = { body: { name: 'home', mountPath: '/tekton/home/' } };
  const plan = planOf([
    {
      name: 'a',
      steps: [step('one'), step('two', { volumeMounts: [mount] })],
      volumes: [{ body: { name: 'home', emptyDir: {} } }],
    },
  ]);
  const { pod } = podOf(plan, attemptOf(plan), AGENT);
  expect(mountsOf(pod, 'step-two')).toEqual({
    '/waybill/bin': 'waybill-bin:',
    '/waybill/run': 'waybill-run:s1',
    '/workspace': 'waybill-tasks:t0/workspace',
    '/tekton/results': 'waybill-tasks:t0/results',
    '/tekton/steps': 'waybill-tasks:t0/steps',
    '/tekton/steps/step-two': 'waybill-tasks:t0/steps/step-two',
    '/tekton/scripts': 'waybill-tasks:t0/scripts/1',
    '/tekton/home/': 'home:',
  });
  const readOnly = containerOf(pod, 'step-one').volumeMounts?.filter((mount) => mount.readOnly === true);
  expect(readOnly?.map(({ mountPath }) => mountPath)).toEqual(['/waybill/bin', '/waybill/run', '/tekton/steps']);
});

test('tasks that share a pod share neither memory nor how names are resolved', () => {
  const plan = planOf([{ name: 'a' }, { name: 'b' }], {}, [[0, 1]]);
  const { pod } = podOf(plan, attemptOf(plan), AGENT);
  const names = pod.spec?.containers.map(({ name }) => name).filter((name) => name !== SUPERVISOR) ?? [];
  expect(names.map((name) => mountsOf(pod, name)['/dev/shm'])).toEqual(['waybill-shm:t0', 'waybill-shm:t1']);
  for (const file of ['/etc/hosts', '/etc/resolv.conf'])
    expect(names.map((name) => mountsOf(pod, name)[file])).toEqual([
      `waybill-tasks:t0${file}`,
      `waybill-tasks:t1${file}`,
    ]);
  expect(pod.spec?.volumes).toContainEqual({ name: 'waybill-shm', emptyDir: { medium: 'Memory', sizeLimit: '128Mi' } });
});

test.each(['/', '/waybill', '/waybill/run', '//waybill/bin/', '/a/../waybill/./bin', '/../waybill'])(
  'nothing may be mounted at %s',
  (mountPath) => {
    const volumeMounts = [{ body: { name: 'x', mountPath } }];
    const volumes = [{ body: { name: 'x', emptyDir: {} } }];
    const plan = planOf([{ name: 'a', steps: [step('one', { volumeMounts })], volumes }]);
    expect(() => podOf(plan, attemptOf(plan), AGENT)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
  },
);

test.each(['waybill-bin', 'waybill-tasks', 'waybill-run', 'ws-0', 't1-creds'])(
  'a step cannot mount %s, which is not its task’s',
  (name) => {
    const volumeMounts = [{ body: { name, mountPath: '/mine' } }];
    const creds = [{ body: { name: 'creds', secret: { secretName: 's' } } }];
    const plan = planOf([
      { name: 'a', steps: [step('one', { volumeMounts })] },
      { name: 'b', volumes: creds },
    ]);
    expect(() => podOf(plan, attemptOf(plan), AGENT)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
  },
);

test.each(['waybill-bin', 'waybill-tasks', 'ws-0', 't1-creds'])(
  'a step cannot mount %s, whatever the pod template says',
  (name) => {
    const podTemplate = { volumes: [{ name, emptyDir: {} }] };
    const volumeMounts = [{ body: { name, mountPath: '/mine' } }];
    for (const steps of [[step('one', { volumeMounts })], [step('one')]]) {
      const plan = planOf([{ name: 'a', podTemplate, steps }]);
      expect(() => podOf(plan, attemptOf(plan), AGENT)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
    }
  },
);

test.each(['waybill-bin', 'ws-0', 't1-told'])('a volume that a result names %s has a name of its own', (told) => {
  const name = { '/name': [{ task: 0, result: 'r' }] };
  const own = { volumeMounts: [{ body: { name: '', mountPath: '/v' }, at: name }] };
  const volumes = [{ body: { name: '', emptyDir: {} }, at: name }];
  const plan = planOf([{ name: 'a' }, { name: 'b', needs: [0], steps: [step('main', own)], volumes }]);
  const { pod } = podOf(plan, attemptOf(plan, 1, { result: () => told }), AGENT);
  expect(mountsOf(pod, 'step-main')['/v']).toBe(`t1-${told}:`);
  expect(pod.spec?.volumes?.at(-1)).toEqual({ name: `t1-${told}`, emptyDir: {} });
  expect(new Set(pod.spec?.volumes?.map((volume) => volume.name)).size).toBe(pod.spec?.volumes?.length);
});

test('settled environment stands in the spec with its dollars kept, late environment in the program', () => {
  const plan = planOf(
    [
      { name: 'a' },
      {
        name: 'b',
        needs: [0],
        podTemplate: { env: [{ name: 'WINS', value: 'template' }] },
        steps: [
          step('main', {
            env: [
              { name: 'COST', value: ['$(HOME) $5'] },
              { name: 'REF', value: ['x', { env: 'COST' }] },
              { name: 'LATE', value: [{ task: 0, result: 'r' }] },
              { name: 'AFTER', value: [{ env: 'LATE' }] },
              { name: 'WINS', value: ['step'] },
            ],
          }),
        ],
      },
    ],
    {},
    [[0, 1]],
  );
  const { pod, program } = podOf(plan, attemptOf(plan), AGENT);
  expect(containerOf(pod, 'step-b-main').env).toEqual([
    { name: 'HOME', value: '/tekton/home' },
    { name: 'COST', value: '$$(HOME) $$5' },
    { name: 'REF', value: 'x$(COST)' },
    { name: 'WINS', value: 'template' },
  ]);
  expect(program.tasks[1]?.steps[0]?.env).toEqual([
    { name: 'LATE', value: [{ task: 0, result: 'r' }] },
    { name: 'AFTER', value: [{ env: 'LATE' }] },
  ]);
});

test('workspaces: an emptyDir for each task, one volume for a claim, sub-paths joined', () => {
  const uses = (workspace: number, subPath?: string[]) => ({
    name: `w${workspace}`,
    mountPath: `/workspace/w${workspace}`,
    readOnly: false,
    workspace,
    ...(subPath && { subPath }),
  });
  const plan = planOf(
    [
      { name: 'a', workspaces: [uses(0), uses(1, ['in'])] },
      { name: 'b', workspaces: [uses(0), { ...uses(1), readOnly: true }, { ...uses(2), workspace: null }] },
    ],
    {
      workspaces: [
        { name: 'scratch', kind: 'emptyDir', emptyDir: {} },
        {
          name: 'source',
          kind: 'template',
          claimName: 'pvc-1',
          template: { spec: { accessModes: ['ReadWriteOnce'] } },
          subPath: 'top',
        },
      ],
    },
    [[0, 1]],
  );
  const { pod, claims } = podOf(plan, attemptOf(plan), AGENT);
  expect(mountsOf(pod, 'step-a-main')).toMatchObject({ '/workspace/w0': 'ws-0-0:', '/workspace/w1': 'ws-1:top/in' });
  expect(mountsOf(pod, 'step-b-main')).toMatchObject({ '/workspace/w0': 'ws-0-1:', '/workspace/w1': 'ws-1:top' });
  expect(pod.spec?.volumes?.filter(({ name }) => name.startsWith('ws-'))).toEqual([
    { name: 'ws-0-0', emptyDir: {} },
    { name: 'ws-1', persistentVolumeClaim: { claimName: 'pvc-1' } },
    { name: 'ws-0-1', emptyDir: {} },
  ]);
  expect(claims).toMatchObject([{ metadata: { name: 'pvc-1' }, spec: { accessModes: ['ReadWriteOnce'] } }]);
});

test('tasks that share a pod keep their volumes and containers apart', () => {
  const volumes = [{ body: { name: 'data', emptyDir: {} } }];
  const mount = { body: { name: 'data', mountPath: '/data' } };
  const long = 'x'.repeat(40);
  const plan = planOf(
    [
      { name: 'a-b', volumes, steps: [step('c', { volumeMounts: [mount] })] },
      { name: 'a', volumes, steps: [step('b-c', { volumeMounts: [mount] }), step(long)] },
      { name: long, steps: [step(long)] },
    ],
    {},
    [[0, 1, 2]],
  );
  const names = containersOf(plan, 0).map(({ container }) => container);
  expect(new Set(names).size).toBe(4);
  expect(names.every((name) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))).toBe(true);
  const { pod } = podOf(plan, attemptOf(plan), AGENT);
  expect(mountsOf(pod, names[0] as string)['/data']).toBe('t0-data:');
  expect(mountsOf(pod, names[1] as string)['/data']).toBe('t1-data:');
  expect(pod.metadata?.name).toBe(podNameOf(plan, 0, 1));
});

test('a program holds what has still to run, with all that is known put in', () => {
  const plan = planOf(
    [
      { name: 'a' },
      {
        name: 'b',
        needs: [0],
        when: [{ input: [{ task: 0, result: 'r' }], operator: 'in', values: [{ text: ['v'] }] }],
      },
      {
        name: 'c',
        needs: [0, 1],
        when: [{ input: ['x'], operator: 'in', values: [{ text: ['x'] }] }],
        steps: [step('main', { script: ['echo ', { task: 0, result: 'r' }, { task: 1, result: 's' }] })],
      },
    ],
    {},
    [[0, 1, 2]],
  );
  const known: Known = { result: (task, name) => (task === 0 && name === 'r' ? '$(v)' : undefined) };
  const program = programOf(plan, { ...attemptOf(plan, 0, known), attempt: 2, nodes: [1, 2] });
  expect(program.tasks.map(({ id, needs }) => [id, needs])).toEqual([
    [1, []],
    [2, [1]],
  ]);
  // Decided by the engine: all that it needs is over.
  expect(program.tasks[0]?.when).toEqual([]);
  expect(program.tasks[1]?.when).toHaveLength(1);
  expect(program.tasks[1]?.steps[0]).toMatchObject({
    socket: 2,
    script: ['echo $(v)', { task: 1, result: 's' }],
    argv: [],
  });
  expect(() => programOf(plan, { ...attemptOf(plan), nodes: [1, 2] })).toThrow(
    expect.objectContaining({ code: 'Internal' }),
  );
});

test('a large program travels in an immutable Secret that only the supervisor mounts', () => {
  const plan = planOf([{ name: 'a', steps: [step('main', { script: ['x'.repeat(PROGRAM_LIMIT)] })] }]);
  const { pod, secrets, program } = podOf(plan, attemptOf(plan), AGENT);
  const [secret] = secrets;
  expect(secret).toMatchObject({ metadata: { name: `${pod.metadata?.name}-program` }, immutable: true });
  expect(JSON.parse(Buffer.from(secret?.data?.['program.json'] ?? '', 'base64').toString())).toEqual(program);
  expect(containerOf(pod, SUPERVISOR).env).toEqual([
    { name: 'WAYBILL_PROGRAM_FILE', value: '/waybill/program/program.json' },
  ]);
  expect(mountsOf(pod, SUPERVISOR)['/waybill/program']).toBe('waybill-program:');
  expect(mountsOf(pod, 'step-main')['/waybill/program']).toBeUndefined();
});

test('the kubelet gives the program back as it was', () => {
  const plan = planOf([{ name: 'a', steps: [step('main', { script: ['echo $(HOME) $$ $'] })] }]);
  const { pod, program } = podOf(plan, attemptOf(plan), AGENT);
  const value = containerOf(pod, SUPERVISOR).env?.[0]?.value ?? '';
  expect(JSON.parse(value.replaceAll('$$', () => '$'))).toEqual(program);
  expect(value.replaceAll('$$', '')).not.toContain('$');
});

test('texts in parts of the pod are put in where their pointers say', () => {
  const late = {
    body: { name: 'v', configMap: { name: '' } },
    at: { '/configMap/name': ['cm-', { task: 9, result: 'r' }] },
  };
  const plan = planOf([{ name: 'a', volumes: [late] }]);
  const { pod } = podOf(plan, attemptOf(plan, 0, { result: () => 'x' }), AGENT);
  expect(pod.spec?.volumes?.at(-1)).toEqual({ name: 'v', configMap: { name: 'cm-x' } });
  expect(late.body.configMap.name).toBe('');
});

test('a text that names a large result many times is refused before it fills the memory', () => {
  const large = 'x'.repeat(1024 * 1024);
  const known: Known = { result: () => large };
  const many = Array.from({ length: 2000 }, () => ({ task: 0, result: 'r' }));
  const podOfStep = (own: Parameters<typeof step>[1]) => {
    const plan = planOf([{ name: 'a' }, { name: 'b', needs: [0], steps: [step('main', own)] }]);
    return podOf(plan, attemptOf(plan, 1, known), AGENT);
  };
  const tooLarge = expect.objectContaining({ code: 'TooLarge' });
  expect(() => podOfStep({ script: many })).toThrow(tooLarge);
  expect(() => podOfStep({ args: many.map((splat) => ({ text: [splat] })) })).toThrow(tooLarge);
  expect(() => podOfStep({ env: many.map((value, at) => ({ name: `E${at}`, value: [value] })) })).toThrow(tooLarge);
  expect(podOfStep({ script: many.slice(0, 2) }).program.tasks[0]?.steps[0]?.script).toEqual([large + large]);
});

test('a volume whose name a result tells is mounted under that name', () => {
  const name = { '/name': [{ task: 0, result: 'r' }] };
  const own = { volumeMounts: [{ body: { name: '', mountPath: '/v' }, at: name }] };
  const volumes = [{ body: { name: '', emptyDir: {} }, at: name }];
  const plan = planOf([{ name: 'a' }, { name: 'b', needs: [0], steps: [step('main', own)], volumes }]);
  const { pod } = podOf(plan, attemptOf(plan, 1, { result: () => 'told' }), AGENT);
  expect(mountsOf(pod, 'step-main')['/v']).toBe('told:');
});
