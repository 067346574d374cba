import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM_LIMIT } from '../../src/pod/index.ts';
import { parseYaml } from '../../src/yaml/index.ts';
import { well } from '../support/bundles.ts';
import { startFake, stopFakes } from '../support/fake-registry.ts';
import { type RunOutput, type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, type StepOf, specOf, taskOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
const ESC = '\u001b';

/** One of what each reader on the way (Tekton, kubelet, shell, YAML, terminal, JSON) would like to take for its own. */
const VALUES = [
  '$(params.values[0]) $(tasks.make.results.list[0]) $(steps.a.results.b) $(context.taskRun.name)',
  `$(NAME) $$(NAME) $(HOME) \${HOME} $HOME \`id\` $(id)`,
  `'"\\" \\n; rm -rf / | & > < * ? ~ !!`,
  '---\nkind: Pod\n...\n- a: b\n? c\n: d\n# no comment\n&a *a !!binary x',
  `${ESC}[2J${ESC}]0;owned\u0007${ESC}]52;c;ZXZpbA==${ESC}\\${ESC}[8mhidden`,
  'overwritten\rgone\b\b\u007f\u009b2J',
  '\u202egnihton\u202c \u2066\u2069 \u2028\u2029\ufeff',
  '-n',
  '--',
  ' spaces around ',
  '\n',
  '',
  'x'.repeat(60_000),
  'é 漢 🧪 \ufffd',
];

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

let space: TestNamespace;

beforeAll(async () => {
  space = await testNamespace('inputs', { restricted: true });
});
afterAll(async () => {
  await stopFakes();
  await space?.delete();
});

const begin = async (name: string, object: object, more: readonly string[] = []) =>
  space.run([await space.file(`${name}.yaml`, object), '--name', name, '--pod-template', TEMPLATE, ...more]);

const resultsOf = (output: RunOutput | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries((output?.status.results ?? []).map(({ name, value }) => [name, value]));

/** A digest of each argument, of each on a line, of what the environment holds, and of the working folder's name. */
const TAKE = specOf(
  [
    {
      name: 'args',
      command: [
        'sh',
        '-c',
        'for v in "$@"; do printf %s "$v" | sha256sum | cut -c1-16; done > $(results.args.path)',
        'sh',
      ],
      args: ['$(params.values[*])'],
      env: [{ name: 'NAME', value: 'expanded' }],
    },
    {
      name: 'env',
      env: [
        { name: 'NAME', value: 'expanded' },
        ...VALUES.map((_, index) => ({ name: `V${index}`, value: `$(params.values[${index}])` })),
      ],
      script: `for i in $(seq 0 ${VALUES.length - 1}); do eval "printf %s \\"\\$V$i\\"" | sha256sum | cut -c1-16; done > $(results.env.path)`,
    },
    {
      name: 'folder',
      workingDir: '/workspace/in $(params.values[1])',
      script: 'basename "$PWD" | tr -d "\\n" | sha256sum | cut -c1-16 > $(results.folder.path)',
    },
  ],
  {
    params: [{ name: 'values', type: 'array' }],
    results: ['args', 'env', 'folder'].map((name) => ({ name })),
  },
);

describe.each(['task', 'run'])('--pods %s', (pods) => {
  test.concurrent('values arrive as they are, wherever a value can stand', async () => {
    const list = { name: 'values', value: ['$(tasks.make.results.list[*])'] };
    const pipeline = pipelineOf('hostile', {
      params: [{ name: 'values', type: 'array' }, { name: 'json' }],
      tasks: [
        {
          name: 'make',
          params: [{ name: 'json', value: '$(params.json)' }],
          taskSpec: specOf(
            [{ env: [{ name: 'J', value: '$(params.json)' }], script: 'printf %s "$J" > $(results.list.path)' }],
            {
              params: [{ name: 'json' }],
              results: [{ name: 'list', type: 'array' }],
            },
          ),
        },
        { name: 'given', params: [{ name: 'values', value: ['$(params.values[*])'] }], taskSpec: TAKE },
        { name: 'made', params: [list], taskSpec: TAKE },
        ...VALUES.slice(0, 4).map((_, index) => ({
          name: `equal-${index}`,
          when: [
            { input: `$(params.values[${index}])`, operator: 'in', values: [`$(tasks.make.results.list[${index}])`] },
            { input: `<$(tasks.make.results.list[${index}])>`, operator: 'notin', values: ['$(params.values[*])'] },
          ],
          taskSpec: specOf(['true']),
        })),
      ],
      results: [
        { name: 'list', type: 'array', value: '$(tasks.make.results.list[*])' },
        ...['given', 'made'].flatMap((task) =>
          ['args', 'env', 'folder'].map((name) => ({
            name: `${task}-${name}`,
            value: `$(tasks.${task}.results.${name})`,
          })),
        ),
      ],
    });
    const params = await space.file(`hostile-${pods}.json`, { values: VALUES, json: JSON.stringify(VALUES) });
    const name = `hostile-${pods}`;
    const file = await space.file(`${name}.yaml`, pipeline);
    const call = [file, '--name', name, '--pod-template', TEMPLATE, '--pods', pods, '--params-file', params];
    const { stdout, stderr } = well(await space.cli(['run', '-o', 'yaml', ...call]));
    const output = parseYaml(stdout).documents[0]?.value as RunOutput | undefined;
    const { list: back, ...taken } = resultsOf(output);
    expect(back).toEqual(VALUES);
    const all = `${VALUES.map(digest).join('\n')}\n`;
    const folder = `${digest(`in ${VALUES[1]}`)}\n`;
    for (const task of ['given', 'made']) {
      expect([task, taken[`${task}-args`], taken[`${task}-env`]]).toEqual([task, all, all]);
      expect([task, taken[`${task}-folder`]]).toEqual([task, folder]);
    }
    expect(output?.status.skippedTasks ?? []).toEqual([]);
    for (const sent of [ESC, '\u0007', '\u009b', '\u202e']) expect(stdout + stderr).not.toContain(sent);
  });
});

test.concurrent('a value in a script is text of the script, as in Tekton: its author must quote it', async () => {
  const task = taskOf('script', [`cat <<'END'\n$(params.text)\nEND\nprintf %s "$(params.shell)"`], {
    params: [{ name: 'text' }, { name: 'shell' }],
  });
  const { stderr } = well(
    await begin('script', task, ['-p', 'text=$(params.shell) `id` $HOME', '-p', 'shell=$(printf executed)']),
  );
  expect(stderr).toContain('[script : unnamed-0] $(params.shell) `id` $HOME\n');
  expect(stderr).toContain('[script : unnamed-0] executed\n');
});

/** A task that writes a result, and one that uses it. */
const using = (result: string, step: StepOf, more: object = {}) => {
  const make = specOf([{ env: [{ name: 'R', value: result }], script: 'printf "$R" > $(results.r.path)' }], {
    results: [{ name: 'r' }],
  });
  return pipelineOf('using', {
    tasks: [
      { name: 'make', taskSpec: make },
      {
        name: 'use',
        params: [{ name: 'p', value: '$(tasks.make.results.r)' }],
        taskSpec: specOf([step], { params: [{ name: 'p' }], ...more }),
      },
    ],
  });
};

const VOLUME = { volumes: [{ name: 'own', emptyDir: {} }] };

test.concurrent.each<[string, object, string]>([
  ['an image', using('$(HOME) ;evil', { image: '$(params.p)', script: 'true' }), 'TaskRunImagePullFailed'],
  ['NUL in an argument', using('a\\0b', { command: ['echo', '$(params.p)'] }), 'StepFailed'],
  [
    'NUL in the environment',
    using('a\\0b', { script: 'true', env: [{ name: 'E', value: '$(params.p)' }] }),
    'CreateContainerError',
  ],
  [
    'a subPath out of its volume',
    using(
      '../../etc',
      { script: 'true', volumeMounts: [{ name: 'own', mountPath: '/own', subPath: '$(params.p)' }] },
      VOLUME,
    ),
    'PodCreationFailed',
  ],
])('what %s cannot be fails its task, with a reason', async (what, pipeline, reason) => {
  const name = what.toLowerCase().replaceAll(' ', '-');
  expect((await begin(name, pipeline)).code).toBe(1);
  const { use } = await space.taskRuns(name);
  expect(use?.status?.conditions).toMatchObject([{ status: 'False', reason }]);
});

test.concurrent('a result that is no UTF-8 is shown as such, and harms nothing', async () => {
  const task = taskOf('bytes', ['printf "a\\377\\376b" > $(results.r.path); printf "\\377 log\\n"'], {
    results: [{ name: 'r' }],
  });
  const { output, stderr } = well(await begin('bytes', task));
  expect(resultsOf(output)).toEqual({ r: 'a\ufffd\ufffdb' });
  expect(stderr).toContain('[bytes : unnamed-0] \ufffd log');
});

describe('secrets', () => {
  const GROUPINGS = ['task', 'run'] as const;
  const marker = (what: string): string => `marker-${what}-${randomBytes(9).toString('hex')}`;
  const MARKS = {
    workspace: marker('workspace'),
    env: marker('env'),
    key: marker('key'),
    wrong: marker('wrong'),
    echoed: marker('echoed'),
  };

  test('never come out: not in the record, events, pods, output, errors or reports', async () => {
    const { host, user, password } = space.cluster.registryAuth;
    const said: string[] = [];
    const call = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const finished = await space.cli([...args, '--verbose'], { env });
      said.push(finished.stdout, finished.stderr);
      return finished;
    };
    await space.client.create('secrets', {
      metadata: { name: 'secret' },
      stringData: { workspace: MARKS.workspace, env: MARKS.env },
    });
    const configOf = async (folder: string, at: string, word: string): Promise<NodeJS.ProcessEnv> => {
      const auth = Buffer.from(`${user}:${word}`).toString('base64');
      const path = await space.file(`${folder}.config.json`, { auths: { [at]: { auth } } });
      return { REGISTRY_AUTH_FILE: path };
    };
    const right = await configOf('right', host, password);
    const wrong = await configOf('wrong', host, MARKS.wrong);

    const key = join(space.folder, 'secret');
    well(await call(['keys', 'generate', '-d', key], { COSIGN_PASSWORD: MARKS.key }));
    const use = (last: string) =>
      specOf(
        [
          {
            env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 'secret', key: 'env' } } }],
            script: `test "$S" = "$(cat $(workspaces.s.path)/env)" && printf %s "$S" | sha256sum > $(results.sum.path)\n${last}`,
          },
        ],
        { workspaces: [{ name: 's' }], results: [{ name: 'sum' }] },
      );
    const task = { apiVersion: 'tekton.dev/v1', kind: 'Task', metadata: { name: 'secretive' }, spec: use('true') };
    const file = await space.file('secretive.yaml', task);
    const bundle = `${host}/${space.name}/secretive:1`;
    well(await call(['push', file, bundle], right));
    well(await call(['sign', '--key', `${key}.key`, bundle], { ...right, COSIGN_PASSWORD: MARKS.key }));
    expect(
      (await call(['sign', '--key', `${key}.key`, bundle], { ...right, COSIGN_PASSWORD: MARKS.wrong })).code,
    ).not.toBe(0);
    expect((await call(['push', file, bundle], wrong)).code).toBe(3);

    const run = ['run', '--pod-template', TEMPLATE, '-w', 's=secret=secret'];
    const workspaces = [{ name: 's' }];
    // A program too large for the environment of a pod has a Secret of its own.
    const large = `# ${'x'.repeat(PROGRAM_LIMIT)}`;
    const pipeline = pipelineOf('secretive', {
      workspaces,
      tasks: [
        { name: 'large', workspaces, taskSpec: use(large) },
        { name: 'fails', workspaces, runAfter: ['large'], taskSpec: use('exit 3') },
      ],
    });
    const bad = await space.file('bad.yaml', pipeline);
    await Promise.all(
      GROUPINGS.map(async (pods) => {
        const grouped = [...run, '--pods', pods];
        const [good, failed] = await Promise.all([
          call([...grouped, bundle, '--name', `good-${pods}`, '--key', `${key}.pub`, '-o', 'yaml'], right),
          call([...grouped, bad, '--name', `bad-${pods}`, '-o', 'json'], right),
        ]);
        well(good);
        expect(failed.code, failed.stderr).toBe(1);
      }),
    );
    expect((await call([...run, bundle, '--name', 'refused'], wrong)).code).toBe(3);

    // Servers that answer with what they were sent.
    const echo = await startFake((request, response) => {
      const headers = { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="echo"' };
      const sent = request.headers.authorization ?? '';
      const decoded = Buffer.from(sent.replace(/^Basic /, ''), 'base64').toString('utf8');
      response.writeHead(401, headers);
      response.end(
        JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: `Authorization: ${sent} (${decoded})` }] }),
      );
    });
    const answered = await call(['list', `${echo.host}/app`], await configOf('echo', echo.host, MARKS.echoed));
    expect([answered.code, answered.stderr]).toEqual([3, expect.stringContaining('***')]);

    for (const args of [
      ['runs'],
      ['runs', '-o', 'json'],
      ['logs', 'good-task'],
      ['logs', 'bad-run'],
      ['plan', bad, '-w', 's=secret=secret', '-o', 'yaml'],
    ]) {
      well(await call(args));
    }

    const names = GROUPINGS.flatMap((pods) => [`good-${pods}`, `bad-${pods}`]);
    const records = await Promise.all(names.map((name) => space.records.load(space.name, name)));
    // Other tests of this file run beside this one.
    const isOurs = ({ metadata: { labels = {} } }: { readonly metadata: ObjectMeta }): boolean =>
      names.includes(labels['waybill.dev/run'] ?? '');
    const programs = (await space.client.list('secrets')).items.filter(
      (secret) => isOurs(secret) && secret.metadata.name.endsWith('-program'),
    );
    const pods = (await space.pods()).filter(isOurs);
    const events = await space.client.list('events');
    const seen = {
      said: said.join('\n'),
      records: JSON.stringify(records.map(({ record }) => record)),
      pods: JSON.stringify(pods),
      programs: programs
        .flatMap(({ data = {} }) => Object.values(data))
        .map((value) => Buffer.from(value, 'base64').toString('utf8'))
        .join('\n'),
      events: JSON.stringify(events.items),
    };
    expect(seen.records).toContain('secretive');
    expect(seen.programs).toContain('sha256sum');
    expect(programs).toHaveLength(GROUPINGS.length);
    // In one grouping the tasks of the pipeline have pods of their own, in the other one they share one.
    expect(pods).toHaveLength(1 + 2 + 1 + 1);
    const { users } = space.user.kubeconfig as { users: readonly [{ user: { token: string } }] };
    const secrets = {
      ...MARKS,
      password,
      auth: Buffer.from(`${user}:${password}`).toString('base64'),
      echoedAuth: Buffer.from(`${user}:${MARKS.echoed}`).toString('base64'),
      token: users[0].user.token,
    };
    for (const [place, text] of Object.entries(seen)) {
      for (const [what, secret] of Object.entries(secrets))
        expect([place, what, text.includes(secret)]).toEqual([place, what, false]);
    }
    // And the user's credentials are no pull secrets of the pods.
    for (const { spec } of pods) expect(spec?.imagePullSecrets ?? []).toEqual([]);
  });
});
