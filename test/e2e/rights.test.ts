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
let quick: string;
let claiming: string;
let sleeping: string;

beforeAll(async () => {
  space = await testNamespace('rights', { restricted: true });
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

const forbidden = (verb: string, resource: string, role?: RoleName) => ({
  exit: 3,
  code: 'Forbidden',
  message: expect.stringMatching(new RegExp(`${verb} (resource ")?${resource}`)),
  hint: expect.stringContaining(`waybill auth check -n ${space.name}${role === undefined ? '' : ` --role ${role}`}`),
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

/** A step that says that it has begun, and ends when the test wants it to. */
const gated = (): object => {
  const items = [{ path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } }];
  const script = 'echo began\nuntil grep -q ^open= /gate/annotations; do sleep 1; done';
  return specOf([{ script, volumeMounts: [{ name: 'gate', mountPath: '/gate' }] }], {
    volumes: [{ name: 'gate', downwardAPI: { items } }],
  });
};

const openGates = async (name: string) => {
  for (const { metadata } of await space.pods()) {
    if (metadata.labels?.['waybill.dev/run'] !== name) continue;
    await space.client.patch('pods', metadata.name, { metadata: { annotations: { open: 'yes' } } });
  }
};

/** A user with all rights of a runner but this one. */
const without = ({ verb, resource }: Right): Promise<Tool> =>
  space.as({
    name: `no-${verb}-${resource.replace('/', '-')}`,
    rules: rulesFor(rightsOf('runner').filter((right) => right.verb !== verb || right.resource !== resource)),
  });

type Case = (tool: Tool, name: string) => Promise<unknown>;

/** How a run of `quick` ends. */
const DONE = { conditions: [{ status: 'True', reason: 'Succeeded' }], results: [{ name: 'r', value: 'done' }] };

/** A run is what it is with all rights. */
const runsAsEver: Case = async (tool, name) => {
  const { output, stderr } = well(await run(tool, quick, name));
  expect(output?.status).toMatchObject(DONE);
  expect(stderr).toContain('said');
};

/** The same, and what is lost is told. */
const runsAlmostAsEver =
  (verb: string, resource: string): Case =>
  async (tool, name) => {
    await runsAsEver(tool, name);
    expect(await checked(tool)).toMatchObject({ exit: 0, complete: true, missing: [`${verb} ${resource}`] });
  };

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
    expect(errorOf(await tool.cli(['logs', ENDED, '-o', 'json']))).toMatchObject(forbidden('get', 'secrets', 'viewer'));
  },
  'patch secrets': async (tool, name) => {
    await refusesToRun('patch', 'secrets')(tool, name);
    expect(errorOf(await tool.cli(['cancel', ENDED, '-o', 'json']))).toMatchObject(
      forbidden('patch', 'secrets', 'canceller'),
    );
  },
  'delete secrets': async (tool, name) => {
    await runsAsEver(tool, name);
    expect(errorOf(await tool.cli(['delete', name, '-o', 'json']))).toMatchObject(forbidden('delete', 'secrets'));
  },
  'list secrets': async (tool, name) => {
    await runsAsEver(tool, name);
    expect(errorOf(await tool.cli(['runs', '-o', 'json']))).toMatchObject(forbidden('list', 'secrets', 'viewer'));
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
  'create pods': async (tool, name) => {
    await refusesToRun('create', 'pods')(tool, name);
    expect(await checked(tool)).toMatchObject({ exit: 3, complete: false, missing: ['create pods'] });
  },
  'get pods': refusesToRun('get', 'pods'),
  'list pods': refusesToRun('list', 'pods'),
  'watch pods': refusesToRun('watch', 'pods'),
  'delete pods': refusesToRun('delete', 'pods'),
  'patch pods': async (tool, name) => {
    const tasks = [
      { name: 'first', taskSpec: specOf(['echo began\nsleep 600']) },
      { name: 'second', runAfter: ['first'], taskSpec: specOf(['true']) },
    ];
    const driver = begin(tool, await space.file(`${name}.yaml`, pipelineOf('two', { tasks })), name, ['--pods', 'run']);
    await driver.says('began');
    well(await space.cli(['cancel', name, '--mode', 'StoppedRunFinally']));
    await driver.says('Forbidden: patch pods/');
    well(await space.cli(['cancel', name]));
    expect((await driver.finished).code).toBe(130);
  },
  'get pods/log': async (tool, name) => {
    const { output, stderr } = well(await run(tool, quick, name));
    expect(output?.status).toMatchObject(DONE);
    expect(stderr).not.toContain('said');
    expect(errorOf(await tool.cli(['logs', ENDED, '-o', 'json']))).toMatchObject(
      forbidden('get', 'pods/log', 'viewer'),
    );
  },
  'get pods/attach': runsAlmostAsEver('get', 'pods/attach'),
  'create pods/attach': runsAlmostAsEver('create', 'pods/attach'),
  'list events': runsAlmostAsEver('list', 'events'),
  'watch events': runsAlmostAsEver('watch', 'events'),
  'list limitranges': runsAlmostAsEver('list', 'limitranges'),
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
    await CASES[key]?.(await without(right), key.replace(/\W/g, '-'));
  });
});

describe.concurrent('a user', () => {
  test('with what is needed and no more runs a pipeline, with a claim of its own', async () => {
    const tool = await space.as({ name: 'needed', rules: rulesFor(rightsOf('runner', 'needed')) });
    expect(await checked(tool)).toMatchObject({ exit: 0, user: tool.user.name, complete: true });
    const workspaces = [{ name: 'w' }];
    const task = (name: string, script: string, more: object = {}) => ({
      name,
      workspaces,
      taskSpec: specOf([script], { workspaces, ...more }),
    });
    const tasks = [
      task('first', 'echo made > $(workspaces.w.path)/made'),
      {
        ...task('second', 'cat $(workspaces.w.path)/made > $(results.r.path)', { results: [{ name: 'r' }] }),
        runAfter: ['first'],
      },
    ];
    const results = [{ name: 'r', value: '$(tasks.second.results.r)' }];
    const pipeline = await space.file('needed.yaml', pipelineOf('needed', { workspaces, tasks, results }));
    const { output, stderr } = well(await run(tool, pipeline, 'needed', ['-w', 'w=claim=16Mi']));
    expect(output?.status.results).toMatchObject([{ name: 'r', value: 'made\n' }]);
    // That would need a right on `secrets/finalizers` in clusters with OwnerReferencesPermissionEnforcement.
    const owners = (await space.pods()).flatMap(({ metadata }) => metadata.ownerReferences ?? []);
    expect(owners.filter(({ blockOwnerDeletion }) => blockOwnerDeletion === true)).toEqual([]);
    expect(stderr).toContain('LogForbidden');
  });

  test('who may look for the namespace sees that it is there', async () => {
    const rules = [...rulesFor(rightsOf('viewer')), { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] }];
    const tool = await space.as({ name: 'looking', rules });
    const { stdout } = well(await tool.cli(['auth', 'check', '--role', 'viewer', '-o', 'json']));
    expect(JSON.parse(stdout)).toMatchObject({ user: tool.user.name, namespaceSeen: true, complete: true });
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
    expect(errorOf(await tool.cli(['cancel', ENDED, '-o', 'json']))).toMatchObject(
      forbidden('patch', 'secrets', 'canceller'),
    );
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
    const tasks = [{ name: 'gated', taskSpec: gated() }];
    const driver = begin(tool, await space.file('fallen.yaml', pipelineOf('fallen', { tasks })), 'fallen');
    await driver.says('began');
    await revoke(space.access, space.name, tool.user);
    await openGates('fallen');
    expectFault('rights-lost', await driver.finished);
    const { output } = well(await space.run(['--resume', 'fallen']));
    expect(output?.status.conditions).toMatchObject([{ status: 'True', reason: 'Succeeded' }]);
    const made = (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === 'fallen');
    expect(made).toHaveLength(1);
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
    const seen = { user: name, namespace: space.name, namespaceSeen: false, complete: true };
    expect(JSON.parse(stdout)).toMatchObject(seen);
    const tasks = [
      { name: 'first', taskSpec: gated() },
      { name: 'second', runAfter: ['first'], taskSpec: specOf(['echo second ran']) },
    ];
    const file = await space.file('replaced.yaml', pipelineOf('replaced', { tasks }));
    const driver = inPod(['run', file, '--name', 'replaced', '--pod-template', TEMPLATE]);
    await driver.says('began');
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
    await openGates('replaced');
    const finished = well(await driver.finished);
    expect(finished.stdout).toContain('second ran');
  },
);
