import { describe, expect, test } from 'vitest';
import { planDigest } from '../../../src/plan/index.ts';
import type { Step } from '../../../src/tekton/index.ts';
import { compileTask, findings, planOf } from './objects.ts';

const stepOf = (step: Partial<Step>, spec: Parameters<typeof compileTask>[0] = {}, more = {}) => {
  const plan = planOf(compileTask({ ...spec, steps: [{ name: 'main', image: 'img', script: 'true', ...step }] }, more));
  return plan.nodes[0]?.steps[0];
};
const hello = { params: [{ name: 'x', value: '$(params.y) $(HOME) $$' }] };

describe('params', () => {
  test('content is put in and never read', () => {
    const specs = { params: [{ name: 'x', type: 'string' }] } as const;
    expect(stepOf({ script: 'echo "$(params.x)" $(date)' }, specs, hello)?.script).toEqual([
      'echo "$(params.y) $(HOME) $$" $(date)',
    ]);
    expect(
      stepOf({ script: '', command: ['echo', '$(params.x)$(HOME)'], env: [{ name: 'HOME', value: '/' }] }, specs, hello)
        ?.command,
    ).toEqual([{ text: ['echo'] }, { text: ['$(params.y) $(HOME) $$', { env: 'HOME' }] }]);
  });

  test('arrays become items, elements and keys are picked', () => {
    const params = [
      { name: 'list', type: 'array', default: ['a', 'b'] },
      { name: 'repo', type: 'object', properties: { url: {}, rev: {} }, default: { rev: 'main' } },
    ] as const;
    const step = stepOf(
      { args: ['$(params.list[*])', '-n=$(params["list"][1])', "$(params['repo'].url)@$(params.repo.rev)"] },
      { params },
      { params: [{ name: 'repo', value: { url: 'u' } }] },
    );
    expect(step?.args).toEqual([{ text: ['a'] }, { text: ['b'] }, { text: ['-n=b'] }, { text: ['u@main'] }]);
  });

  test('defaults may name other params, in any order', () => {
    const params = [
      { name: 'image', type: 'string', default: '$(params.registry)/$(params.name)' },
      { name: 'registry', type: 'string', default: 'reg' },
      { name: 'name', type: 'string' },
    ] as const;
    const given = { params: [{ name: 'name', value: 'app' }] };
    expect(stepOf({ image: '$(params.image)' }, { params }, given)?.image).toEqual(['reg/app']);
    expect(planOf(compileTask({ params }, given)).params).toContainEqual({ name: 'image', value: 'reg/app' });
  });

  test('names with dots, and the old inputs spelling', () => {
    const params = [{ name: 'a.b', type: 'string', default: '1' }] as const;
    expect(stepOf({ script: '$(params["a.b"])$(params.a.b)$(inputs.params.a.b)' }, { params })?.script).toEqual([
      '111',
    ]);
  });

  test.each([
    ['missing-param', [{ name: 'p', type: 'string' }], []],
    ['param-type', [{ name: 'p', type: 'string' }], [{ name: 'p', value: ['a'] }]],
    ['missing-key', [{ name: 'p', type: 'object', properties: { a: {}, b: {} } }], [{ name: 'p', value: { a: '' } }]],
    ['param-enum', [{ name: 'p', type: 'string', enum: ['a'] }], [{ name: 'p', value: 'b' }]],
    ['param-cycle', [{ name: 'p', type: 'string', default: '$(params.p)' }], []],
  ] as const)('%s', (code, params, given) => {
    const result = compileTask({ params }, { params: given });
    expect(findings(result)).toContain(`error ${code} spec.params.0`);
    expect(result.plan).toBeUndefined();
  });

  test('an unknown param is a warning in the run and an error where it is used', () => {
    const used = compileTask({ steps: [{ image: 'i', script: '$(params.nope)' }] }, hello);
    expect(findings(used)).toEqual(['error unknown-param spec.steps.0.script', 'warning unknown-param spec.params.0']);
    expect(compileTask({}, hello).plan).toBeDefined();
  });
});

describe('texts', () => {
  test('context and paths', () => {
    const script = [
      '$(context.taskRun.name) $(context.taskRun.namespace) $(context.taskRun.uid) $(context.task.name)',
      '$(context.task.retry-count) $(results.out.path) $(step.results.s.path) $(steps.step-main.exitCode.path)',
    ].join('\n');
    const step = stepOf(
      { script, results: [{ name: 's', type: 'string' }] },
      { results: [{ name: 'out', type: 'string' }] },
    );
    expect(step?.script).toEqual([
      [
        'run-1 ns 00000000-0000-4000-8000-000000000001 build',
        '0 /tekton/results/out /tekton/steps/step-main/results/s /tekton/steps/step-main/exitCode',
      ].join('\n'),
    ]);
  });

  test('with retries the retry count waits for the run', () => {
    expect(stepOf({ script: 'try $(context.task.retry-count)' }, {}, { retries: 2 })?.script).toEqual([
      'try ',
      { retryCount: true },
    ]);
  });

  test('results of earlier steps are references', () => {
    const plan = planOf(
      compileTask({
        results: [
          { name: 'all', type: 'array', value: '$(steps.one.results.list)' },
          { name: 'o', type: 'object', properties: { k: {} }, value: '$(steps.one.results.obj[*])' },
        ],
        steps: [
          {
            name: 'one',
            image: 'i',
            script: 'x',
            results: [
              { name: 'list', type: 'array' },
              { name: 'obj', type: 'object', properties: { k: {} } },
            ],
          },
          { image: 'i', command: ['c', '$(steps.one.results.list[*])', '$(steps.one.results.list[0])'] },
        ],
      }),
    );
    const [node] = plan.nodes;
    expect(node?.steps[1]?.command.slice(1)).toEqual([
      { splat: { step: 0, result: 'list' } },
      { text: [{ step: 0, result: 'list', index: 0 }] },
    ]);
    expect(node?.steps[1]?.name).toBe('unnamed-1');
    expect(node?.results.map(({ value }) => value)).toEqual([
      { kind: 'array', items: [{ splat: { step: 0, result: 'list' } }] },
      { kind: 'object', entries: { k: [{ step: 0, result: 'obj', key: 'k' }] } },
    ]);
  });

  test("Kubernetes' variables count where they are declared, and $$ is one $", () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)$(C)$$(A)' },
      { name: 'C', value: '3' },
    ];
    const step = stepOf({ env, args: ['$(A) $(NONE) $$(A) $$', '$(A)$(C)'], script: 'echo $(A) $$' });
    expect(step?.env[1]).toEqual({ name: 'B', value: [{ env: 'A' }, '$(C)$(A)'] });
    expect(step?.args).toEqual([{ text: [{ env: 'A' }, ' $(NONE) $(A) $'] }, { text: [{ env: 'A' }, { env: 'C' }] }]);
    expect(step?.script).toEqual(['echo $(A) $$']);
  });

  test.each<[string, Partial<Step>, string]>([
    ['array-in-text', { script: 'x $(params.list[*])' }, 'script'],
    ['index-out-of-range', { args: ['$(params.list[7])'] }, 'args.0'],
    ['param-type', { script: '$(params.list.key)' }, 'script'],
    ['unknown-result', { script: '$(results.nope.path)' }, 'script'],
    ['unknown-workspace', { workingDir: '$(workspaces.nope.path)' }, 'workingDir'],
    ['unknown-step', { script: '$(steps.later.results.r)' }, 'script'],
    ['unknown-variable', { script: '$(tasks.t.results.r)' }, 'script'],
    ['unsupported-variable', { script: '$(credentials.path)' }, 'script'],
    ['unsupported-variable', { script: '$(step.artifacts.path)' }, 'script'],
    ['unsupported-field', { envFrom: [{ secretRef: { name: 's' } }] }, 'envFrom'],
    ['unsupported-step', { script: '' }, ''],
    ['missing-image', { image: '' }, 'image'],
    ['bad-duration', { timeout: 'soon' }, 'timeout'],
    ['bad-value', { onError: 'maybe' }, 'onError'],
  ])('%s: %j', (code, step, path) => {
    const result = compileTask({
      params: [{ name: 'list', type: 'array', default: ['a'] }],
      steps: [
        { name: 'main', image: 'img', script: 'true', ...step },
        { name: 'later', image: 'img', script: 'true', results: [{ name: 'r', type: 'string' }] },
      ],
    });
    expect(findings(result)).toEqual([`error ${code} spec.steps.0${path === '' ? '' : `.${path}`}`]);
  });

  test('a result of a step cannot be an image', () => {
    const result = compileTask({
      steps: [
        { name: 'a', image: 'i', script: 'x', results: [{ name: 'r', type: 'string' }] },
        { image: '$(steps.a.results.r)', script: 'x' },
      ],
    });
    expect(findings(result)).toEqual(['error step-result-in-pod spec.steps.1.image']);
  });
});

test('stepTemplate lies beneath the steps', () => {
  const step = stepOf(
    { env: [{ name: 'FOO', value: 'step' }], securityContext: { runAsUser: 7 } },
    {
      stepTemplate: {
        image: 'other',
        env: [
          { name: 'FOO', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
          { name: 'BAR', value: 'template' },
        ],
        securityContext: { runAsUser: 1, runAsNonRoot: true },
        workingDir: '/src',
      },
    },
  );
  expect(step).toMatchObject({
    image: ['img'],
    env: [
      { name: 'FOO', value: ['step'] },
      { name: 'BAR', value: ['template'] },
    ],
    securityContext: { runAsUser: 7, runAsNonRoot: true },
    workingDir: ['/src'],
  });
});

test('volumes and mounts take params everywhere', () => {
  const plan = planOf(
    compileTask(
      {
        params: [{ name: 'cm', type: 'string' }],
        volumes: [{ name: 'v', configMap: { name: '$(params.cm)', items: [{ key: '$(params.cm).k', path: 'p' }] } }],
        steps: [
          {
            image: 'i',
            script: 'x',
            volumeMounts: [{ name: 'v', mountPath: '/$(params.cm)' }],
            env: [{ name: 'E', valueFrom: { configMapKeyRef: { name: '$(params.cm)', key: 'k' } } }],
          },
        ],
      },
      { params: [{ name: 'cm', value: 'conf' }] },
    ),
  );
  expect(plan.nodes[0]?.volumes).toEqual([
    { body: { name: 'v', configMap: { name: 'conf', items: [{ key: 'conf.k', path: 'p' }] } } },
  ]);
  expect(plan.nodes[0]?.steps[0]?.volumeMounts).toEqual([{ body: { name: 'v', mountPath: '/conf' } }]);
  expect(plan.nodes[0]?.steps[0]?.env).toEqual([
    { name: 'E', valueFrom: { body: { configMapKeyRef: { name: 'conf', key: 'k' } } } },
  ]);
});

describe('workspaces', () => {
  const declared = { workspaces: [{ name: 'src' }, { name: 'opt', optional: true, mountPath: '/opt' }] };
  const script =
    '$(workspaces.src.path) $(workspaces.src.bound) $(workspaces.src.claim) $(workspaces.src.volume)|$(workspaces.opt.path)$(workspaces.opt.bound)';
  const steps = [{ image: 'i', script, workingDir: '$(workspaces.opt.path)' }];

  test('a claim, and an optional one that is not bound', () => {
    const plan = planOf(
      compileTask(
        { ...declared, steps },
        { workspaces: [{ name: 'src', persistentVolumeClaim: { claimName: 'c' }, subPath: 'd' }] },
      ),
    );
    expect(plan.workspaces).toEqual([{ name: 'src', kind: 'claim', claimName: 'c', readOnly: false, subPath: 'd' }]);
    expect(plan.nodes[0]?.workspaces).toEqual([
      { name: 'src', mountPath: '/workspace/src', readOnly: false, workspace: 0 },
      { name: 'opt', mountPath: '/opt', readOnly: false, workspace: null },
    ]);
    expect(plan.nodes[0]?.steps[0]?.script).toEqual(['/workspace/src true c ws-0|false']);
    expect(plan.nodes[0]?.steps[0]).not.toHaveProperty('workingDir');
  });

  test('the claim of a template is named after workspace and run', () => {
    const template = { metadata: { name: 'cache' }, spec: {} };
    const plan = planOf(compileTask(declared, { workspaces: [{ name: 'src', volumeClaimTemplate: template }] }));
    // printf 'src00000000-0000-4000-8000-000000000001' | sha256sum | cut -c1-10
    expect(plan.workspaces).toMatchObject([{ kind: 'template', claimName: 'cache-2ca974ea42' }]);
  });

  test.each([
    ['emptyDir', { emptyDir: {} }],
    ['configMap', { configMap: { name: 'c' } }],
    ['secret', { secret: { secretName: 's' } }],
  ])('%s', (kind, binding) => {
    const plan = planOf(compileTask({ ...declared, steps }, { workspaces: [{ name: 'src', ...binding }] }));
    expect(plan.workspaces).toEqual([{ name: 'src', kind, ...binding }]);
    const volume = kind === 'emptyDir' ? 'ws-0-0' : 'ws-0';
    expect(plan.nodes[0]?.steps[0]?.script).toEqual([`/workspace/src true  ${volume}|false`]);
  });

  test('missing, unknown and badly bound ones', () => {
    expect(findings(compileTask(declared))).toEqual(['error missing-workspace spec.workspaces.0']);
    const bad = compileTask({}, { workspaces: [{ name: 'src' }, { name: 'x', emptyDir: {} }] });
    expect(findings(bad)).toEqual([
      'error bad-workspace spec.workspaces.0',
      'warning unknown-workspace spec.workspaces.0',
      'warning unknown-workspace spec.workspaces.1',
    ]);
    const outside = compileTask(declared, { workspaces: [{ name: 'src', emptyDir: {}, subPath: 'a/../../b' }] });
    expect(findings(outside)).toEqual(['error bad-workspace spec.workspaces.0.subPath']);
  });
});

test('a mount names a volume of the Task or of the pod template', () => {
  const mounting = { steps: [{ image: 'i', script: 'x', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] };
  expect(findings(compileTask(mounting))).toEqual(['error unknown-volume spec.steps.0.volumeMounts.0.name']);
  const given = { podTemplate: { volumes: [{ name: 'v', emptyDir: {} }] } };
  expect(findings(compileTask(mounting, given))).toEqual([]);
  const both = compileTask({ ...mounting, volumes: [{ name: 'v', emptyDir: {} }] }, given);
  expect(findings(both)).toEqual(['error duplicate-name spec.volumes.0.name']);
});

describe('what is ours', () => {
  const at = (mountPath: string) => ({
    params: [{ name: 'way', type: 'string', default: 'waybill' }] as const,
    steps: [
      { image: 'i', script: 'x' },
      { image: 'i', script: 'x', volumeMounts: [{ name: 'v', mountPath }] },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
  });
  const PATHS = ['/', '/.', '', '/waybill', 'waybill/bin', '//waybill/run', '/x/../waybill/bin', '/$(params.way)/run'];

  test.each(PATHS)('no step mounts at "%s"', (mountPath) => {
    expect(findings(compileTask(at(mountPath)))).toEqual(['error reserved-path spec.steps.1.volumeMounts.0.mountPath']);
  });

  test.each(PATHS.filter((path) => path !== ''))('no workspace is mounted at %s', (mountPath) => {
    const spec = { ...at('/v'), workspaces: [{ name: 'w', mountPath }] };
    const found = findings(compileTask(spec, { workspaces: [{ name: 'w', emptyDir: {} }] }));
    expect(found).toEqual(['error reserved-path spec.workspaces.0.mountPath']);
  });

  test.each(['/waybills', '/x/waybill', '/waybill/../x'])('%s is anybody’s', (mountPath) => {
    expect(findings(compileTask(at(mountPath)))).toEqual([]);
  });

  test.each(['waybill-bin', 'waybill-anything', 'ws-0', 'ws-12-3', 't1-creds'])(
    'no volume of a pod template is named %s',
    (name) => {
      const podTemplate = {
        volumes: [
          { name: 'x', emptyDir: {} },
          { name, emptyDir: {} },
        ],
      };
      expect(findings(compileTask({}, { podTemplate }))).toEqual([
        'error reserved-volume spec.podTemplate.volumes.1.name',
      ]);
    },
  );
});

test('a TaskRun has one node with its own timeout', () => {
  const plan = planOf(compileTask({}, { timeouts: { pipeline: '5m' }, retries: 1, serviceAccountName: 'sa' }));
  expect(plan.timeouts).toEqual({ pipeline: 0 });
  expect(plan.nodes).toMatchObject([
    { name: 'build', runName: 'run-1', timeout: 300_000, retries: 1, serviceAccountName: 'sa' },
  ]);
  expect(planOf(compileTask({})).nodes[0]?.timeout).toBe(3_600_000);
});

test('a name that does not fit is refused', () => {
  expect(findings(compileTask({}, { name: 'a'.repeat(51) }))).toEqual(['error bad-name metadata.name']);
  expect(findings(compileTask({}, { name: 'Run' }))).toEqual(['error bad-name metadata.name']);
});

test('the same input gives the same bytes', () => {
  const [a, b] = [compileTask({}, hello), compileTask({}, hello)].map((result) => planDigest(planOf(result)));
  expect(a).toBe(b);
  expect(planDigest(planOf(compileTask({}, { name: 'run-2' })))).not.toBe(a);
});
