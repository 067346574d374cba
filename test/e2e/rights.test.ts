import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isWaybillError } from '../../src/core/index.ts';
import { createClient, whoAmI } from '../../src/kube/index.ts';
import { RIGHTS, type Right, type RoleName, rightsOf } from '../../src/runtime/index.ts';
import { well } from '../support/bundles.ts';
import { expectFault } from '../support/faults.ts';
import { eventually, type TestNamespace, type Tool, testNamespace } from '../support/namespace.ts';
import { pipelineOf, specOf, taskOf } from '../support/objects.ts';
import { type Rule, requestToken, revoke } from '../support/user.ts';
import { startWaybill } from '../support/waybill.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

let space: TestNamespace;
/** Of a run that has ended, and of its only task. */
const ENDED = 'ended';
let plain: string;
let quick: string;
let claiming: string;
let sleeping: string;

beforeAll(async () => {
  space = await testNamespace('rights', { restricted: true });
  plain = await space.file('plain.yaml', taskOf('plain', ['echo said\nsleep 2']));
  quick = await space.file(
    'quick.yaml',
    taskOf('quick', ['echo said\nprintf done > $(results.r.path)'], { results: [{ name: 'r' }] }),
  );
  claiming = await space.file(
    'claiming.yaml',
    taskOf('claiming', ['echo kept >> $(workspaces.w.path)/kept'], { workspaces: [{ name: 'w' }] }),
  );
  sleeping = await space.file('sleeping.yaml', taskOf('sleeping', ['echo asleep\nsleep 600']));
  well(await run(space, quick, ENDED));
});
afterAll(() => space?.delete());

const run = (tool: Tool, file: string, name: string, more: readonly string[] = []) =>
  tool.run([file, '--name', name, '--pod-template', TEMPLATE, ...more]);

const begin = (tool: Tool, file: string, name: string, more: readonly string[] = []) =>
  tool.start(['run', file, '--name', name, '--pod-template', TEMPLATE, ...more]);

const nothingOf = async (name: string) => {
  expect((await space.objects()).filter((object) => object.includes(name))).toEqual([]);
};

/** The error that a command printed with `-o json`, whatever it noted before. */
const errorOf = ({ code, stderr }: { readonly code: number | null; readonly stderr: string }) => ({
  exit: code,
  ...(
    JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as { error: { code: string; message: string; hint: string } }
  ).error,
});

const forbidden = (verb: string, resource: string) => ({
  exit: 3,
  code: 'Forbidden',
  message: expect.stringMatching(new RegExp(`${verb} (resource ")?${resource}`)),
  hint: expect.stringContaining(`waybill auth check -n ${space.name}`),
});

const checked = async (tool: Tool, role: RoleName = 'runner') => {
  const { code, stdout } = await tool.cli(['auth', 'check', '--role', role, '-o', 'json']);
  const data = JSON.parse(stdout) as {
    readonly user: string;
    readonly complete: boolean;
    readonly rights: readonly { readonly resource: string; readonly verb: string; readonly allowed: boolean }[];
  };
  const missing = data.rights.filter(({ allowed }) => !allowed).map(({ resource, verb }) => `${verb} ${resource}`);
  return { exit: code, user: data.user, complete: data.complete, missing };
};

const rulesFor = (rights: readonly Right[]): readonly Rule[] =>
  rights.map(({ resource, verb }) => ({ apiGroups: [''], resources: [resource], verbs: [verb] }));

/** A user with all rights of a runner but this one. */
const without = ({ verb, resource }: Right): Promise<Tool> =>
  space.as({
    name: `no-${verb}-${resource.replace('/', '-')}`,
    rules: rulesFor(rightsOf('runner').filter((right) => right.verb !== verb || right.resource !== resource)),
  });

/** A run of this user is what it is with all rights. */
const runsAsEver = async (tool: Tool, name: string) => {
  const { output, stderr } = well(await run(tool, quick, name));
  expect(output?.status).toMatchObject({
    conditions: [{ status: 'True', reason: 'Succeeded' }],
    results: [{ name: 'r', value: 'done' }],
  });
  expect(stderr).toContain('said');
};

type Case = (tool: Tool, name: string) => Promise<unknown>;

/** Nothing is made where a right is missing that a run cannot do without. */
const refusesToRun =
  (verb: string, resource: string, more: readonly string[] = []): Case =>
  async (tool, name) => {
    expect(errorOf(await run(tool, more.length > 0 ? claiming : quick, name, more))).toMatchObject(
      forbidden(verb, resource),
    );
    await nothingOf(name);
  };
const refusesToClaim = (verb: string): Case => refusesToRun(verb, 'persistentvolumeclaims', ['-w', 'w=claim=16Mi']);

const deletesAll: Case = async (tool, name) => {
  well(await run(tool, claiming, name, ['-w', 'w=claim=16Mi']));
  well(await tool.cli(['delete', name]));
  await eventually(`nothing is left of ${name}`, async () => {
    const { items } = await space.client.listMetadata('persistentvolumeclaims', {
      labelSelector: `waybill.dev/run=${name}`,
    });
    return items.length === 0 ? true : undefined;
  });
};

/** What each right is for, shown by its absence; test/unit/docs/rights.test.ts wants a line here for each of RIGHTS. */
const CASES: Readonly<Record<string, Case>> = {
  'create secrets': refusesToRun('create', 'secrets'),
  'get secrets': async (tool, name) => {
    await refusesToRun('get', 'secrets')(tool, name);
    expect(errorOf(await tool.cli(['logs', ENDED, '-o', 'json']))).toMatchObject(forbidden('get', 'secrets'));
  },
  'patch secrets': async (tool, name) => {
    await refusesToRun('patch', 'secrets')(tool, name);
    expect(errorOf(await tool.cli(['cancel', ENDED, '-o', 'json']))).toMatchObject(forbidden('patch', 'secrets'));
  },
  'delete secrets': async (tool, name) => {
    await runsAsEver(tool, name);
    expect(errorOf(await tool.cli(['delete', name, '-o', 'json']))).toMatchObject(forbidden('delete', 'secrets'));
  },
  'list secrets': async (tool, name) => {
    await runsAsEver(tool, name);
    expect(errorOf(await tool.cli(['runs', '-o', 'json']))).toMatchObject(forbidden('list', 'secrets'));
    expect(well(await tool.cli(['logs', name])).stdout).toContain('said');
    well(await tool.cli(['delete', name]));
    await nothingOf(name);
  },
  'watch secrets': async (tool, name) => {
    const driver = begin(tool, sleeping, name);
    await driver.says('asleep');
    well(await space.cli(['cancel', name]));
    expect((await driver.finished).code).toBe(130);
  },
  'create pods': refusesToRun('create', 'pods'),
  'get pods': refusesToRun('get', 'pods'),
  'list pods': refusesToRun('list', 'pods'),
  'watch pods': refusesToRun('watch', 'pods'),
  'delete pods': refusesToRun('delete', 'pods'),
  'patch pods': async (tool, name) => {
    const tasks = [
      { name: 'first', taskSpec: specOf(['echo first began\nsleep 8']) },
      { name: 'second', runAfter: ['first'], taskSpec: specOf(['echo second ran']) },
    ];
    const driver = begin(tool, await space.file(`${name}.yaml`, pipelineOf('two', { tasks })), name, ['--pods', 'run']);
    await driver.says('first began');
    well(await space.cli(['cancel', name, '--mode', 'StoppedRunFinally']));
    const { code, stdout, stderr } = await driver.finished;
    expect([code, stderr]).toEqual([130, expect.stringContaining('Forbidden: patch pods/')]);
    expect(stdout).toContain('second ran');
  },
  'get pods/log': async (tool, name) => {
    const { output, stderr } = well(await run(tool, plain, name));
    expect(output?.status.conditions).toMatchObject([{ status: 'True', reason: 'Succeeded' }]);
    expect(stderr).not.toContain('said');
    expect(errorOf(await tool.cli(['logs', ENDED, '-o', 'json']))).toMatchObject(forbidden('get', 'pods/log'));
  },
  'get pods/attach': runsAsEver,
  'create pods/attach': runsAsEver,
  'list events': runsAsEver,
  'watch events': runsAsEver,
  'list limitranges': runsAsEver,
  'create persistentvolumeclaims': refusesToClaim('create'),
  'get persistentvolumeclaims': refusesToClaim('get'),
  'list persistentvolumeclaims': async (tool, name) => {
    await deletesAll(tool, name);
    expect(errorOf(await tool.cli(['delete', '--orphans', '--dry-run', '-o', 'json']))).toMatchObject(
      forbidden('list', 'persistentvolumeclaims'),
    );
  },
  'delete persistentvolumeclaims': deletesAll,
};

describe.concurrent('without', () => {
  test.each(RIGHTS.map((right) => [`${right.verb} ${right.resource}`, right] as const))('%s', async (key, right) => {
    const tool = await without(right);
    const needed = right.roles.runner === 'needed';
    expect(await checked(tool)).toMatchObject({ exit: needed ? 3 : 0, complete: !needed, missing: [key] });
    await CASES[key]?.(tool, key.replace(/\W/g, '-'));
  });
});

describe.concurrent('a user', () => {
  test('with what is needed and no more runs a pipeline, with a claim of its own', async () => {
    const tool = await space.as({ name: 'needed', rules: rulesFor(rightsOf('runner', 'needed')) });
    expect(await checked(tool)).toMatchObject({ exit: 0, user: tool.user.name, complete: true });
    const task = (name: string, script: string) => ({
      name,
      workspaces: [{ name: 'w' }],
      taskSpec: specOf([script], { workspaces: [{ name: 'w' }] }),
    });
    const tasks = [
      task('first', 'echo made > $(workspaces.w.path)/made'),
      { ...task('second', 'cat $(workspaces.w.path)/made'), runAfter: ['first'] },
    ];
    const pipeline = await space.file('needed.yaml', pipelineOf('needed', { workspaces: [{ name: 'w' }], tasks }));
    const { stderr } = well(await run(tool, pipeline, 'needed', ['-w', 'w=claim=16Mi']));
    // That would need a right on `secrets/finalizers` in clusters with OwnerReferencesPermissionEnforcement.
    const owners = (await space.pods()).flatMap(({ metadata }) => metadata.ownerReferences ?? []);
    expect(owners.filter(({ blockOwnerDeletion }) => blockOwnerDeletion === true)).toEqual([]);
    expect(stderr).toContain('LogForbidden');
  });

  test('without any right is told so', async () => {
    const tool = await space.as({ name: 'nobody', rules: [] });
    const { exit, user, complete, missing } = await checked(tool);
    expect({ exit, user, complete }).toEqual({ exit: 3, user: tool.user.name, complete: false });
    expect(missing).toHaveLength(rightsOf('runner').length);
    const refused = await run(tool, quick, 'nobody');
    expectFault('rights-missing', refused);
    expect(errorOf(refused)).toMatchObject(forbidden('create', 'secrets'));
    await nothingOf('nobody');
  });

  test('who may only use claims that exist', async () => {
    const tool = await space.as('runner-existing-claims');
    expect(await checked(tool, 'runner-existing-claims')).toMatchObject({ exit: 0, missing: [] });
    expect(errorOf(await run(tool, claiming, 'own-claim', ['-w', 'w=claim=16Mi']))).toMatchObject(
      forbidden('create', 'persistentvolumeclaims'),
    );
    await nothingOf('own-claim');
    const resources = { requests: { storage: '16Mi' } };
    await space.client.create('persistentvolumeclaims', {
      metadata: { name: 'theirs' },
      spec: { accessModes: ['ReadWriteOnce'], resources },
    });
    well(await run(tool, claiming, 'their-claim', ['-w', 'w=pvc=theirs']));
    well(await tool.cli(['delete', 'their-claim']));
    expect(await space.objects()).toContain('persistentvolumeclaims/theirs');
  });

  test('who may look may do nothing else', async () => {
    const tool = await space.as('viewer');
    expect(await checked(tool, 'viewer')).toMatchObject({ exit: 0, missing: [] });
    expect(well(await tool.cli(['runs'])).stdout).toContain(ENDED);
    expect(well(await tool.cli(['logs', ENDED])).stdout).toContain('said');
    expect(errorOf(await run(tool, quick, 'viewed'))).toMatchObject(forbidden('create', 'secrets'));
    expect(errorOf(await tool.cli(['cancel', ENDED, '-o', 'json']))).toMatchObject(forbidden('patch', 'secrets'));
    expect(errorOf(await tool.cli(['delete', ENDED, '-o', 'json']))).toMatchObject(forbidden('delete', 'secrets'));
  });

  test('who may cancel cancels a run, whether its driver is there or gone', async () => {
    const tool = await space.as('canceller');
    expect(await checked(tool, 'canceller')).toMatchObject({ exit: 0, missing: [] });
    expect(errorOf(await run(tool, quick, 'cancelled'))).toMatchObject(forbidden('create', 'secrets'));
    const driven = begin(space, sleeping, 'driven');
    const left = begin(space, sleeping, 'left');
    await Promise.all([driven.says('asleep'), left.says('asleep')]);
    well(await tool.cli(['cancel', 'driven']));
    expect((await driven.finished).code).toBe(130);
    left.child.kill('SIGKILL');
    await left.finished;
    // Who may not start pods does not take a run over, only to let it fail.
    expect(errorOf(await tool.run(['--resume', 'left']))).toMatchObject(forbidden('create', 'pods'));
    const { stdout } = well(await tool.cli(['cancel', 'left', '-o', 'json']));
    expect(JSON.parse(stdout)).toMatchObject({ finished: true, reason: 'TaskRunCancelled' });
  });

  test('whose rights are taken away in mid-run is told so, and somebody else goes on', async () => {
    const tool = await space.as({ name: 'fallen', rules: rulesFor(rightsOf('runner')) });
    const counting = taskOf(
      'counting',
      [
        'echo began >> $(workspaces.w.path)/began\necho began\nsleep 6\ncat $(workspaces.w.path)/began > $(results.r.path)',
      ],
      {
        workspaces: [{ name: 'w' }],
        results: [{ name: 'r' }],
      },
    );
    const driver = begin(tool, await space.file('counting.yaml', counting), 'fallen', ['-w', 'w=claim=16Mi']);
    await driver.says('[counting : unnamed-0] began');
    await revoke(space.access, space.name, tool.user);
    expectFault('rights-lost', await driver.finished);
    const { output } = well(await space.run(['--resume', 'fallen']));
    expect(output?.status.results).toMatchObject([{ name: 'r', value: 'began\n' }]);
  });
});

/** Only root can give a process files at the place where a pod has them. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

/** Puts the folder of its first argument there, for the program of the others alone. */
const AS_IN_POD = `mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
mount --bind "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"`;

(canMount ? test.concurrent : test.skip)(
  'a driver in a pod is its service account, and reads its token again when it is replaced',
  async () => {
    const { account, name } = space.user;
    const folder = await mkdtemp(join(space.folder, 'account-'));
    const put = (file: string, content: string) => writeFile(join(folder, file), content);
    const bound = await space.client.create('secrets', { metadata: { name: 'token-owner' } });
    const token = await requestToken(space.access, space.name, account, bound.metadata);
    await Promise.all([put('token', token), put('ca.crt', space.access.ca ?? ''), put('namespace', space.name)]);
    const { hostname, port } = new URL(space.access.server);
    const options = {
      via: ['unshare', '-m', 'sh', '-c', AS_IN_POD, folder],
      env: { KUBECONFIG: '', HOME: folder, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    };
    const inPod = (args: readonly string[]) =>
      startWaybill(args, { ...options, env: { ...options.env, WAYBILL_AGENT_IMAGE: space.cluster.agentImage } });
    const { stdout } = well(await inPod(['auth', 'check', '-o', 'json']).finished);
    expect(JSON.parse(stdout)).toMatchObject({ user: name, namespace: space.name, complete: true });
    const tasks = [
      { name: 'first', taskSpec: specOf(['echo first began\nsleep 20']) },
      { name: 'second', runAfter: ['first'], taskSpec: specOf(['echo second ran']) },
    ];
    const file = await space.file('replaced.yaml', pipelineOf('replaced', { tasks }));
    const driver = inPod(['run', file, '--name', 'replaced', '--pod-template', TEMPLATE]);
    await driver.says('first began');
    await put('token', await requestToken(space.access, space.name, account));
    await space.client.delete('secrets', bound.metadata.name);
    const old = createClient({ ...space.access, credential: { kind: 'token', token } });
    await eventually('the old token is refused', () =>
      whoAmI(old).then(
        () => undefined,
        (error: unknown) => (isWaybillError(error, 'Unauthorized') ? true : undefined),
      ),
    );
    await old.close();
    expect(driver.child.exitCode).toBeNull();
    const finished = well(await driver.finished);
    expect(finished.stdout).toContain('second ran');
  },
);
