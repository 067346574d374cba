import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { type RunOutput, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

/** What shells, kubelets, YAML and Tekton's own language would like to read something into. */
const NASTY = [
  `it's "quoted" \`date\` $HOME \${HOME} $$ $$$$ 100%`,
  '$(params.nasty) $(NAME) $$(NAME) $(tasks.make.results.text) $(context.taskRun.name)',
  '\\ back\\slash \\n \\$ ; | & > < * ? [a] {b} # !! ~',
  '\ttab, é 漢 🧪, and no end of line:',
].join('\n');

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const resultsOf = (output: RunOutput | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries((output?.status.results ?? []).map(({ name, value }) => [name, value]));

let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('values', { restricted: true });
  await space.client.create('configmaps', { metadata: { name: 'config' }, data: { key: 'from config', 'a.txt': 'A' } });
  await space.client.create('secrets', { metadata: { name: 'secret' }, stringData: { key: 'from secret' } });
});
afterAll(() => space?.delete());

const run = async (name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

/** Takes a text every way that a step can get one, and writes down what arrived, as base64. */
const TAKE = {
  params: [{ name: 'text' }],
  results: ['arg', 'env', 'list'].map((name) => ({ name })),
};
const takeSteps = [
  {
    name: 'arg',
    command: ['sh', '-c', 'printf %s "$1" | base64 -w0 > $(results.arg.path)', 'sh'],
    args: ['$(params.text)'],
  },
  {
    name: 'env',
    env: [
      { name: 'NAME', value: 'expanded' },
      { name: 'TEXT', value: '$(params.text)' },
    ],
    script: 'printf %s "$TEXT" | base64 -w0 > $(results.env.path)',
  },
  {
    name: 'list',
    env: [{ name: 'NAME', value: 'expanded' }],
    command: ['sh', '-c', 'printf %s "$2" | base64 -w0 > $(results.list.path)', 'sh', 'first'],
    args: ['$(params.text)', '$(NAME)'],
  },
];

describe.each(['task', 'run'])('--pods %s', (pods) => {
  test.concurrent('text arrives as it was written, from params and from results', async () => {
    const pipeline = pipelineOf('nasty', {
      params: [{ name: 'nasty' }],
      tasks: [
        {
          name: 'make',
          params: [{ name: 'text', value: '$(params.nasty)' }],
          taskSpec: specOf(
            [{ env: [{ name: 'T', value: '$(params.text)' }], script: 'printf %s "$T" > $(results.text.path)' }],
            { params: [{ name: 'text' }], results: [{ name: 'text' }] },
          ),
        },
        { name: 'given', params: [{ name: 'text', value: '$(params.nasty)' }], taskSpec: specOf(takeSteps, TAKE) },
        {
          name: 'made',
          params: [{ name: 'text', value: '$(tasks.make.results.text)' }],
          taskSpec: specOf(takeSteps, TAKE),
        },
      ],
      finally: [
        {
          name: 'last',
          params: [{ name: 'text', value: '$(tasks.make.results.text)' }],
          taskSpec: specOf(takeSteps, TAKE),
        },
      ],
      results: [
        { name: 'text', value: '$(tasks.make.results.text)' },
        ...['given', 'made'].flatMap((task) =>
          TAKE.results.map(({ name }) => ({ name: `${task}-${name}`, value: `$(tasks.${task}.results.${name})` })),
        ),
        ...TAKE.results.map(({ name }) => ({ name: `last-${name}`, value: `$(finally.last.results.${name})` })),
      ],
    });
    const { output } = well(await run(`nasty-${pods}`, pipeline, ['--pods', pods, '-p', `nasty=${NASTY}`]));
    const { text, ...taken } = resultsOf(output);
    expect(text).toBe(NASTY);
    expect(Object.keys(taken)).toHaveLength(9);
    for (const [way, value] of Object.entries(taken)) expect([way, value]).toEqual([way, base64(NASTY)]);
  });

  test.concurrent('arrays and objects, whole and in parts, from defaults, params and results', async () => {
    const pipeline = pipelineOf('shapes', {
      params: [
        { name: 'list', type: 'array', default: ['a', 'b c', '$x'] },
        { name: 'map', type: 'object', properties: { one: {}, two: {} }, default: { one: '1', two: 'two' } },
      ],
      tasks: [
        {
          name: 'make',
          params: [
            { name: 'list', value: ['start', '$(params.list[*])', 'end'] },
            { name: 'map', value: '$(params.map[*])' },
          ],
          taskSpec: specOf(
            [
              {
                name: 'list',
                command: ['sh', '-c'],
                args: [
                  'printf "[" > $(results.list.path); s=""; for i in "$@"; do printf \'%s"%s"\' "$s" "$i" >> $(results.list.path); s=,; done; printf "]" >> $(results.list.path)',
                  'sh',
                  '$(params.list[*])',
                ],
              },
              {
                name: 'map',
                results: [{ name: 'size' }],
                env: [{ name: 'ONE', value: '$(params.map.one)' }],
                script:
                  'printf \'{"one": "%s", "two": "%s"}\' "$ONE" "$(params.map.two)" > $(results.map.path)\nprintf 2 > $(step.results.size.path)',
              },
              {
                name: 'read',
                env: [{ name: 'SIZE', value: '$(steps.map.results.size)' }],
                script: 'printf "$SIZE" > $(results.size.path)',
              },
            ],
            {
              params: [
                { name: 'list', type: 'array' },
                { name: 'map', type: 'object', properties: { one: {}, two: {} } },
              ],
              results: [
                { name: 'list', type: 'array' },
                { name: 'map', type: 'object', properties: { one: {}, two: {} } },
                { name: 'size' },
              ],
            },
          ),
        },
        {
          name: 'use',
          params: [
            { name: 'list', value: '$(tasks.make.results.list[*])' },
            { name: 'second', value: '$(tasks.make.results.list[1])' },
            { name: 'two', value: '$(tasks.make.results.map.two)' },
          ],
          taskSpec: specOf(
            [
              {
                command: ['sh', '-c', 'printf "%s|" "$@" > $(results.seen.path)', 'sh'],
                args: ['$(params.list[*])', '$(params.list[2])', '$(params.second)', '$(params.two)'],
              },
            ],
            {
              params: [{ name: 'list', type: 'array' }, { name: 'second' }, { name: 'two' }],
              results: [{ name: 'seen' }],
            },
          ),
        },
      ],
      results: [
        { name: 'list', type: 'array', value: '$(tasks.make.results.list[*])' },
        { name: 'map', type: 'object', value: '$(tasks.make.results.map[*])' },
        { name: 'size', value: '$(tasks.make.results.size)' },
        { name: 'seen', value: '$(tasks.use.results.seen)' },
      ],
    });
    const defaults = well(await run(`shapes-${pods}`, pipeline, ['--pods', pods]));
    expect(resultsOf(defaults.output)).toEqual({
      list: ['start', 'a', 'b c', '$x', 'end'],
      map: { one: '1', two: 'two' },
      size: '2',
      seen: 'start|a|b c|$x|end|b c|a|two|',
    });
    const params = ['-p', 'list=x', '-p', 'list=y', '-p', 'map={"one":"$(ONE)","two":"z"}'];
    const given = well(await run(`shapes-given-${pods}`, pipeline, ['--pods', pods, ...params]));
    expect(resultsOf(given.output)).toMatchObject({
      list: ['start', 'x', 'y', 'end'],
      map: { one: '$(ONE)', two: 'z' },
    });
  });
});

test.concurrent('environment from ConfigMaps, Secrets and the pod, working folders, and what Tekton gives a step', async () => {
  const task = taskOf(
    'surroundings',
    [
      {
        name: 'env',
        env: [
          { name: 'CONFIG', valueFrom: { configMapKeyRef: { name: '$(params.config)', key: 'key' } } },
          { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'secret', key: 'key' } } },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'BOTH', value: '$(CONFIG) and $(SECRET)' },
        ],
        script: 'echo "$CONFIG; $SECRET; $POD; $BOTH"',
      },
      { name: 'relative', workingDir: 'made/here', script: 'pwd; touch mark' },
      { name: 'absolute', workingDir: '/workspace/made', script: 'pwd; ls here' },
      { name: 'home', script: 'echo $HOME; touch $HOME/mark; id -u' },
      { name: 'shebang', script: '#!/bin/cat\nno shell' },
      { name: 'context', script: 'echo $(context.taskRun.name) $(context.task.name) $(context.taskRun.namespace)' },
    ],
    { params: [{ name: 'config', default: 'config' }] },
  );
  const { stderr } = well(await run('surroundings', task));
  const lines = stderr.split('\n').filter((line) => line.startsWith('[surroundings : '));
  expect(lines.map((line) => line.replace('[surroundings : ', ''))).toEqual([
    'env] from config; from secret; surroundings-pod-1; from config and from secret',
    'relative] /workspace/made/here',
    'absolute] /workspace/made',
    'absolute] mark',
    'home] /tekton/home',
    'home] 1000',
    'shebang] #!/bin/cat',
    'shebang] no shell',
    `context] surroundings surroundings ${space.name}`,
  ]);
});

test.concurrent('workspaces: emptyDir, ConfigMap, Secret, claim, template; bound or not, read-only, with a sub-path', async () => {
  await space.client.create('persistentvolumeclaims', {
    metadata: { name: 'claim' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
  });
  const names = ['empty', 'config', 'secret', 'claim', 'template'];
  const task = taskOf(
    'places',
    [
      'cat $(workspaces.config.path)/a.txt; echo; cat $(workspaces.secret.path)/key; echo',
      'for i in empty claim template; do echo $i > /workspace/$i/file; done; cat /workspace/claim/file',
      { name: 'again', script: 'cat $(workspaces.empty.path)/file /elsewhere/file' },
      'echo $(workspaces.absent.bound) "$(workspaces.absent.path)" $(workspaces.claim.bound)',
      'touch $(workspaces.config.path)/new 2>/dev/null || echo read-only',
    ],
    {
      workspaces: [
        ...names.map((name) => ({ name, ...(name === 'template' ? { mountPath: '/workspace/template' } : {}) })),
        { name: 'absent', optional: true },
        { name: 'late', mountPath: '/elsewhere', readOnly: true },
      ],
    },
  );
  const bindings = [
    ...['empty=emptyDir', 'config=config=config', 'secret=secret=secret', 'claim=pvc=claim,subPath=a/b'],
    ...['template=claim=16Mi', 'late=pvc=claim,subPath=a/b'],
  ];
  const { stderr } = well(
    await run(
      'places',
      task,
      bindings.flatMap((binding) => ['-w', binding]),
    ),
  );
  const lines = stderr.split('\n').filter((line) => line.startsWith('[places : '));
  expect(lines.map((line) => line.replace(/^\[places : [^\]]+\] ?/, ''))).toEqual([
    ...['A', 'from secret', 'claim', 'empty', 'claim', 'false  true', 'read-only'],
  ]);
});

test.concurrent('an emptyDir of a pipeline is fresh for each task, a claim is shared', async () => {
  const look = specOf(
    ['ls -A $(workspaces.own.path) $(workspaces.shared.path) | wc -l; touch /workspace/own/a /workspace/shared/b'],
    {
      workspaces: [{ name: 'own' }, { name: 'shared' }],
    },
  );
  const workspaces = [{ name: 'own' }, { name: 'shared' }];
  const pipeline = pipelineOf('fresh', {
    workspaces,
    tasks: [
      { name: 'one', workspaces, taskSpec: look },
      { name: 'two', runAfter: ['one'], workspaces, taskSpec: look },
    ],
  });
  const { stderr } = well(
    await run('fresh', pipeline, ['--pods', 'run', '-w', 'own=emptyDir', '-w', 'shared=claim=16Mi']),
  );
  const count = (task: string) => Number(new RegExp(`\\[${task} : .*\\] (\\d+)`).exec(stderr)?.[1]);
  expect(count('two') - count('one')).toBe(1);
});

test.concurrent('params of a file, and those of the command line above them', async () => {
  const task = taskOf('given', ['echo "$(params.a) $(params.b) $(params.c[1])"'], {
    params: [{ name: 'a' }, { name: 'b', default: 'default' }, { name: 'c', type: 'array' }],
  });
  const file = await space.file('params.yaml', 'a: from file\nb: "7"\nc: [x, z]\n');
  const { stderr } = well(await run('given', task, ['--params-file', file, '-p', 'a=from line']));
  expect(stderr).toContain('[given : unnamed-0] from line 7 z');
});
