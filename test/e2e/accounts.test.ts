import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, adminOf } from '../support/admin.ts';
import { well } from '../support/bundles.ts';
import { testCluster } from '../support/cluster.ts';
import { expectFault } from '../support/faults.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { letGo, processesOf, UNTIL_GO } from '../support/node.ts';
import { IMAGE, taskOf } from '../support/objects.ts';
import { endOf, FORTY_TWO, pairOf, podsOf, runObject } from '../support/pair.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');
const RESTRICTED = ['--pod-template', TEMPLATE];
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount';

const { own, kubeconfig, registryAuth } = await testCluster();
let admin: Admin;
let space: TestNamespace;

/** An image that wants a password. */
const privateImage = (): string => `${registryAuth.host}/${space.name}/private:1`;
const credentials = (password: string): object => {
  const auth = Buffer.from(`${registryAuth.user}:${password}`).toString('base64');
  return { auths: { [registryAuth.host]: { auth } } };
};

beforeAll(async () => {
  admin = await adminOf(kubeconfig);
  space = await testNamespace('accounts', { restricted: true });
  const create = (kind: string, name: string, more: object = {}) =>
    admin.create({ apiVersion: 'v1', kind, metadata: { name, namespace: space.name }, ...more });
  const secret = (name: string, password: string) => {
    const data = { '.dockerconfigjson': btoa(JSON.stringify(credentials(password))) };
    return create('Secret', name, { type: 'kubernetes.io/dockerconfigjson', data });
  };
  await secret('right', registryAuth.password);
  await secret('wrong', 'not-the-password');
  await create('ServiceAccount', 'nobody');
  await create('ServiceAccount', 'puller', { imagePullSecrets: [{ name: 'right' }] });
  const metadata = { name: 'default', namespace: space.name };
  await admin.patch({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, { automountServiceAccountToken: false });
  const DOCKER_CONFIG = dirname(await space.file('config.json', credentials(registryAuth.password)));
  const source = `${space.cluster.registry}/${IMAGE.replace('docker.io/', '')}`;
  well(await space.cli(['copy', source, privateImage()], { env: { DOCKER_CONFIG } }));
});
afterAll(async () => {
  await space?.delete();
  await admin?.close();
});

describe.each(['task', 'run'])('service accounts and PodSecurity restricted, --pods %s', (pods) => {
  const go = (name: string, object: object, more: readonly string[] = []) =>
    runObject(space, `${name}-${pods}`, object, ['--pods', pods, ...RESTRICTED, ...more]);
  const LOOK = `if [ -s ${TOKEN}/token ]; then echo has a token; else echo has none; fi`;

  test.concurrent('an account without a token does', async () => {
    const { output, stderr } = well(await go('none', pairOf(LOOK)));
    expect(output?.status.results).toEqual(FORTY_TWO);
    expect(stderr).toContain('has none');
  });

  test.concurrent('an account without any right does; its token is for steps, not for the agent', async () => {
    const name = `nobody-${pods}`;
    const file = await space.file(`${name}.yaml`, pairOf(own ? `${LOOK}\n${UNTIL_GO}` : LOOK));
    const driver = space.start([
      'run',
      file,
      '--name',
      name,
      '--pods',
      pods,
      ...RESTRICTED,
      '--serviceaccount',
      'nobody',
    ]);
    await driver.says('has a token');
    const [pod] = await podsOf(space, name);
    const agent = pod?.spec?.containers.find((one) => one.name === 'waybill-supervisor');
    expect(agent?.volumeMounts?.filter(({ mountPath }) => mountPath === TOKEN)).toMatchObject([
      { name: 'waybill-run' },
    ]);
    if (own) {
      const found = await processesOf(pod?.metadata.uid ?? '');
      const { pid } = found.find(({ argv }) => argv[0] === '/supervisor') ?? {};
      expect(await readdir(`/proc/${pid}/root${TOKEN}`)).toEqual([]);
      await letGo(pod?.metadata.uid ?? '');
    }
    well(await driver.finished);
  });

  test.concurrent('an account that does not exist ends the run', async () => {
    const ran = go('missing', pairOf(), ['--serviceaccount', 'no-such-account']);
    const end = await endOf(space, `missing-${pods}`, 'make', ran);
    expectFault('service-account-missing', end);
    expect(end.message).toContain('no-such-account');
  });

  const privately = () =>
    taskOf('private', [{ script: 'echo pulled', image: privateImage(), imagePullPolicy: 'Always' }]);
  const template = async (name: string, secretName: string): Promise<string> => {
    const text = `${await readFile(TEMPLATE, 'utf8')}imagePullSecrets: [{ name: ${secretName} }]\n`;
    return space.file(`${name}-${pods}.template.yaml`, text);
  };

  test.concurrent('images are pulled with the account’s secrets', async () => {
    const { stderr } = well(await go('account', privately(), ['--serviceaccount', 'puller']));
    expect(stderr).toContain('pulled');
  });

  test.concurrent('images are pulled with the pod template’s secrets, which nobody gets to see', async () => {
    const { user, password } = registryAuth;
    const ran = well(await go('template', privately(), ['--pod-template', await template('right', 'right')]));
    const logs = well(await space.cli(['logs', `template-${pods}`]));
    const { record } = await space.records.load(space.name, `template-${pods}`);
    const all = JSON.stringify([ran, logs, record, await podsOf(space, `template-${pods}`)]);
    expect(all).not.toContain(password);
    expect(all).not.toContain(Buffer.from(`${user}:${password}`).toString('base64'));
  });

  test.concurrent.each(['wrong', 'no-such-secret'])('a secret that is %s ends the run', async (name) => {
    const ran = go(name, privately(), ['--pod-template', await template(name, name)]);
    const end = await endOf(space, `${name}-${pods}`, 'private', ran);
    expectFault('pull-secret-wrong', end);
    expect(JSON.stringify(end)).not.toContain('not-the-password');
  });

  test.concurrent('steps with a user, a group of files and a root that nobody can write do', async () => {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsUser: 4321,
    };
    const script = [
      'echo user $(id -u) groups $(id -G)',
      'touch /nothing 2>/dev/null || echo read-only',
      'echo x > $(workspaces.data.path)/x; echo y > $HOME/y; echo z > /workspace/z; ls $(workspaces.data.path)',
    ].join('\n');
    const task = taskOf(
      'hard',
      [
        { script, securityContext },
        { script: 'cat $(workspaces.data.path)/x', securityContext },
      ],
      {
        workspaces: [{ name: 'data' }],
      },
    );
    const { stderr } = well(await go('hard', task, ['-w', 'data=emptyDir']));
    expect(stderr).toMatch(/user 4321 groups .*1000/);
    expect(stderr).toContain('read-only');
  });

  test.concurrent('a task that does not comply is refused', async () => {
    const task = taskOf('bold', [{ script: 'true', securityContext: { allowPrivilegeEscalation: true } }]);
    const end = await endOf(space, `bold-${pods}`, 'bold', go('bold', task));
    expectFault('pod-security-refuses', end);
    expect(end.message).toContain('violates PodSecurity "restricted');
  });
});
