import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pushAttacker } from '../support/attack.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf } from '../support/objects.ts';
import { podsOf, runObject } from '../support/pair.ts';

/** What only the victim may see. It stands in a Secret, and in no script. */
const SECRET = 'VICTIM-1f0c';

let space: TestNamespace;
let image: string;

beforeAll(async () => {
  space = await testNamespace('boundaries');
  image = await pushAttacker(space);
  await space.client.create('secrets', { metadata: { name: 'creds' }, stringData: { token: SECRET } });
});
afterAll(() => space?.delete());

const ROOT = { runAsUser: 0 };
const USER = { runAsUser: 1000 };
const CREDS = {
  volumes: [{ name: 'creds', secret: { secretName: 'creds' } }],
  mounts: { volumeMounts: [{ name: 'creds', mountPath: '/creds' }] },
};
const BARRIER = { workspaces: [{ name: 'barrier' }] };

const resultsOf = (status: { readonly results?: unknown } | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    ((status?.results ?? []) as { name: string; value: unknown }[]).map(({ name, value }) => [name, value]),
  );

/** Says `GOT …` for each thing that no step may have. */
const ATTACK = `
all="/tekton /waybill /workspace /dev/shm /home /root /tmp /run /var /creds"
grep -rsl "$(printf 'VIC%s' TIM)" $all && echo GOT the secret
find $all -type s | grep . && echo GOT a socket
env | grep -i waybill && echo GOT the program
ls /tekton/scripts | grep -v '^script$' && echo GOT other scripts
ls /tekton/steps | grep -v '^step-attack$' && echo GOT other steps
ls /tekton/results /tekton/home | grep -v : | grep . && echo GOT other results
ls /waybill/bin | grep -v '^shim$' && echo GOT more than the shim
for p in /proc/[0-9]*; do grep -qs supervisor $p/cmdline && echo GOT the supervisor; done
for f in /waybill/bin/shim /waybill/bin/new /waybill/run/sock /waybill/run/new /waybill/new /tekton/steps/new; do
  (echo forged > $f) 2> /dev/null && case $f in /waybill/new) ;; *) echo GOT $f ;; esac
  rm -f /waybill/bin/shim 2> /dev/null; mv /waybill/bin/shim /tmp/shim 2> /dev/null && echo GOT the shim
done
ln /waybill/bin/shim /tmp/shim 2> /dev/null && echo GOT a name of the shim
chmod 0777 /waybill/bin/shim 2> /dev/null && echo GOT the mode of the shim
ls /tekton/results/../../waybill/tasks /workspace/../../tasks 2> /dev/null && echo GOT the folders of all tasks
mv /tekton /tekton.old 2> /dev/null; mkdir -p /tekton; ln -s / /tekton/results 2> /dev/null
attack shim
attack mounts
echo '192.0.2.66 registry.example' >> /etc/hosts
echo 'nameserver 192.0.2.66' > /etc/resolv.conf
`;

/** Where a task would go if another one could tell it. */
const LED = 'cat /etc/hosts /etc/resolv.conf | grep 192.0.2.66 && echo GOT led astray';

/** Events and outcomes of others, as a step could print and leave them. */
const FORGE = `
for task in 0 1 2 3 4; do
  for seq in 1 2 3 4 5 6 7 8 9 40 400; do
    echo '{"seq":'$seq',"time":"2030-01-01T00:00:00.000Z","type":"task.finished","task":'$task',"outcome":"failed","reason":"Forged"}'
  done
done
echo '{"seq":2,"time":"2030-01-01T00:00:00.000Z","type":"closing","tasks":[{"task":0,"outcome":"failed","reason":"Forged","finishedAt":"2030-01-01T00:00:00.000Z","steps":[]}]}'
echo '{"version":1,"tasks":[{"id":0,"outcome":"failed","reason":"Forged","exitCodes":[1]}]}' > /dev/termination-log
`;

const attacker = (name: string, securityContext: object) => ({
  name,
  workspaces: [{ name: 'barrier', workspace: 'barrier' }],
  taskSpec: {
    ...BARRIER,
    steps: [
      {
        name: 'attack',
        image,
        securityContext,
        script: `#!/bin/sh\nuntil [ -e /workspace/barrier/ready ]; do sleep 0.1; done\n${ATTACK}${FORGE}echo tried all; touch /workspace/barrier/done-${name}\nkill -9 -1\nexit 0`,
      },
    ],
  },
});

describe.concurrent('a step in a pod of several tasks', () => {
  test('reaches nothing of a task beside it, after it or before it, as root and as the same user', async () => {
    const places =
      '/workspace/own $HOME/own /tekton/results/token /dev/shm/own /tmp/own /tekton/steps/step-one/results/s';
    const victim = {
      name: 'victim',
      workspaces: [{ name: 'barrier', workspace: 'barrier' }],
      taskSpec: {
        ...BARRIER,
        results: [{ name: 'token' }, { name: 'unharmed' }],
        volumes: CREDS.volumes,
        steps: [
          {
            name: 'one',
            image,
            securityContext: USER,
            ...CREDS.mounts,
            results: [{ name: 's' }],
            script: `for f in ${places}; do cat /creds/token > $f; done
touch /workspace/barrier/ready
until [ -e /workspace/barrier/done-root ] && [ -e /workspace/barrier/done-same ]; do sleep 0.1; done`,
          },
          {
            name: 'two',
            image,
            securityContext: USER,
            script: `#!/bin/sh\n${LED}
printf '%s' "$(cat /workspace/own $HOME/own /tekton/results/token /dev/shm/own /tekton/steps/step-one/exitCode)" > $(results.unharmed.path)`,
          },
        ],
      },
    };
    const after = {
      name: 'after',
      runAfter: ['victim', 'root', 'same'],
      taskSpec: {
        results: [{ name: 'found' }],
        steps: [
          {
            name: 'look',
            image,
            securityContext: ROOT,
            script: `#!/bin/sh\n${LED}
grep -q "$(hostname)" /etc/hosts || echo GOT no hosts
{ find /workspace /tekton/home /dev/shm /tekton/results -mindepth 1; ls /tekton/steps; ls /tekton/scripts; } > /tmp/found
tr '\\n' ' ' < /tmp/found > $(results.found.path)`,
          },
        ],
      },
    };
    const pipeline = pipelineOf('neighbours', {
      workspaces: [{ name: 'barrier' }],
      tasks: [victim, attacker('root', ROOT), attacker('same', USER), after],
    });
    const more = ['--pods', 'run', '-w', 'barrier=claim=1Mi'];
    const { code, stderr } = await runObject(space, 'neighbours', pipeline, more);
    expect(stderr).not.toContain('GOT');
    expect(code, stderr).toBe(0);
    for (const name of ['root', 'same']) expect(stderr).toContain(`[${name} : attack] tried all`);
    expect(await podsOf(space, 'neighbours')).toHaveLength(1);
    const runs = await space.taskRuns('neighbours');
    const unharmed = `${SECRET.repeat(4)}0`;
    expect(resultsOf(runs.victim?.status)).toEqual({ token: SECRET, unharmed });
    expect(resultsOf(runs.after?.status)).toEqual({ found: 'step-look script ' });
    for (const { status } of Object.values(runs))
      expect(status?.conditions).toMatchObject([{ status: 'True', reason: 'Succeeded' }]);
  });

  test('changes nothing of a later step of its own task, and does not outlive its turn', async () => {
    const attack = `#!/bin/sh
for f in exitCode results/s results new; do
  (echo forged > /tekton/steps/step-two/$f) 2> /dev/null && echo GOT step-two/$f
done
rm -rf /tekton/steps/step-two 2> /dev/null; [ -d /tekton/steps/step-two/results ] || echo GOT rid of step-two
mv /tekton/steps/step-two /tekton/steps/old 2> /dev/null && echo GOT the folder of step-two
ln -sfn /creds /tekton/steps/step-two/results 2> /dev/null && echo GOT a link in step-two
ls /tekton/scripts | grep -v '^script$' && echo GOT other scripts
echo 'echo GOT the script' > /tekton/scripts/script
mkdir -p /tekton/scripts/1 && echo 'echo GOT the script' > /tekton/scripts/1/script
beat() { while :; do echo beat >> /workspace/beat; printf forged > /tekton/results/r; sleep 0.02; done; }
beat & (beat &) & setsid sh -c 'while :; do echo beat >> /workspace/beat; printf forged > /tekton/results/r; sleep 0.02; done' &
until [ -s /workspace/beat ]; do sleep 0.02; done
exit 0`;
    const later = `rm -f $(results.r.path); printf real > $(results.r.path); printf mine > $(step.results.s.path)
before=$(wc -c < /workspace/beat); sleep 1
[ $before = $(wc -c < /workspace/beat) ] || echo GOT time after its end
cat /tekton/steps/step-one/exitCode`;
    const task = {
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { name: 'steps' },
      spec: {
        results: [{ name: 'r' }, { name: 's', value: '$(steps.two.results.s)' }],
        volumes: CREDS.volumes,
        steps: [
          { name: 'one', image, securityContext: ROOT, script: attack },
          { name: 'two', image, securityContext: USER, ...CREDS.mounts, results: [{ name: 's' }], script: later },
        ],
      },
    };
    const { code, output, stderr } = await runObject(space, 'steps', task);
    expect(stderr).not.toContain('GOT');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('[steps : two] 0');
    expect(resultsOf(output?.status)).toEqual({ r: 'real', s: 'mine' });
  });
});

test('a step with added capabilities can do more, so its pod is its own', async () => {
  const securityContext = { runAsUser: 0, capabilities: { add: ['SYS_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH'] } };
  const step = { name: 'attack', image, securityContext, script: 'attack shim; attack mounts' };
  const pipeline = pipelineOf('capable', {
    tasks: [
      { name: 'capable', taskSpec: { steps: [step] } },
      { name: 'beside', taskSpec: { steps: [{ image, script: 'true' }] } },
    ],
  });
  const { code, stderr } = await runObject(space, 'capable', pipeline, ['--pods', 'run']);
  expect(code, stderr).toBe(0);
  // The attacker finds what there is to find.
  for (const found of ['a trace of the shim', 'the memory of the shim', 'a writable /waybill/bin'])
    expect(stderr).toContain(`GOT ${found}`);
  expect(await podsOf(space, 'capable')).toHaveLength(2);
});

describe.concurrent('what would open the boundaries is refused before anything is made', () => {
  test.each([
    ['one process namespace for all containers', { shareProcessNamespace: true }, 'unknown-field'],
    ['the node’s processes', { hostPID: true }, 'unknown-field'],
    ['the node’s memory segments', { hostIPC: true }, 'unknown-field'],
    ['other containers', { initContainers: [] }, 'unknown-field'],
    ['user namespaces, which are not known to work', { hostUsers: false }, 'unsupported-field'],
    ['a volume of the agent', { volumes: [{ name: 'waybill-bin', emptyDir: {} }] }, 'reserved-volume'],
  ])('in a pod template: %s', async (what, template, finding) => {
    const name = what.replaceAll(/[^a-z]+/g, '-').slice(0, 30);
    const path = await space.file(`${name}.yaml`, template);
    const file = await space.file(`${name}-task.yaml`, {
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { name: 'never' },
      spec: { steps: [{ image, script: 'true' }] },
    });
    const { code, stderr } = await space.run([file, '--name', name, '--pod-template', path]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(finding)]);
  });

  test.each(['waybill-bin', 'waybill-run', 'waybill-tasks', 'ws-0', 't1-creds'])(
    'a mount of the volume %s, which is not the task’s',
    async (name) => {
      const spec = { steps: [{ image, script: 'true', volumeMounts: [{ name, mountPath: '/mine' }] }] };
      const pipeline = pipelineOf('mounts', { tasks: [{ name: 'a', taskSpec: spec }] });
      const file = await space.file(`mount-${name}.yaml`, pipeline);
      const { code, stderr } = await space.run([file, '--name', `mount-${name}`, '--pods', 'run']);
      expect([code, stderr]).toEqual([2, expect.stringContaining('unknown-volume')]);
    },
  );
});
