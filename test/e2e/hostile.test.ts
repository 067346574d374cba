import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskRun } from '../../src/tekton/index.ts';
import { pushAttacker } from '../support/attack.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf } from '../support/objects.ts';
import { endedPods, runObject } from '../support/pair.ts';

let space: TestNamespace;
let image: string;

beforeAll(async () => {
  space = await testNamespace('hostile');
  image = await pushAttacker(space);
});
afterAll(() => space?.delete());

interface Hostile {
  readonly script: string;
  readonly step?: object;
  readonly spec?: object;
  /** What its step ends with, and what its log says of it. */
  readonly exitCode: number;
  readonly reason: string | RegExp;
  readonly says?: string;
  /** The task's reason; it is allowed to fail. */
  readonly task?: string;
}

const RESULT = { spec: { results: [{ name: 'r' }] } };
const badResult = (script: string, says: string, task = 'FailureIgnored'): Hostile => ({
  ...RESULT,
  script,
  exitCode: 1,
  reason: 'Error',
  says: `waybill: result r: ${says}`,
  task,
});
const ended = (exitCode: number, script: string): Hostile => ({ script, exitCode, reason: 'Error' });
const well = (script: string, more: Partial<Hostile> = {}): Hostile => ({
  script,
  exitCode: 0,
  reason: 'Completed',
  task: 'Succeeded',
  ...more,
});
const TIMED = { exitCode: 1, reason: 'TimeoutExceeded', says: '' } as const;
const USER = { runAsUser: 1000 };
/** Escapes, a bell, a carriage return, a line that looks like an event, and NUL. */
const ESCAPES = '\u001b]0;title\u0007\u001b[2J\r\n{"seq":1}\n\u0000end';
const PRINT_ESCAPES = `printf '\\033]0;title\\007\\033[2J\\r\\n{"seq":1}\\n\\000end'`;

/** Each is a task of its own, all at the same time. */
const HOSTILE: Readonly<Record<string, Hostile>> = {
  'closes all its descriptors': ended(3, 'exec 0<&- 1>&- 2>&- 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exit 3'),
  'closes its output and goes on': well('exec 1>&- 2>&-; sleep 1; printf done > $(results.r.path)', RESULT),
  'kills its parent': ended(4, 'for s in 4 5 6 7 8 9 11 13 19 24 31; do kill -$s 1; done; exit 4'),
  'kills all that it can': ended(5, 'sleep 100 & kill -9 -1; exit 5'),
  'kills itself': { ...ended(137, 'kill -9 $$'), reason: 'Error' },
  'ends with a code beyond 255': ended(300 % 256, 'exit 300'),
  'ends by a signal that nobody uses': ended(128 + 31, 'kill -31 $$'),
  'leaves a daemon that holds its output': well(
    `setsid sh -c 'trap "" TERM HUP; while :; do sleep 0.1; done' & exit 0`,
  ),
  'ignores signals at its timeout': {
    ...TIMED,
    step: { timeout: '2s' },
    script: `trap '' TERM INT HUP QUIT; while :; do sleep 1; done`,
  },
  'becomes another user at its timeout, whom it cannot kill': {
    ...TIMED,
    step: { timeout: '2s', securityContext: USER },
    script: 'exec attack-root linger',
  },
  'fills its disk': {
    ...ended(1, '#!/bin/sh\ndd if=/dev/zero of=/full/file bs=64k || exit 1'),
    spec: { volumes: [{ name: 'full', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }] },
    step: { volumeMounts: [{ name: 'full', mountPath: '/full' }] },
    says: 'No space left on device',
  },
  'wants all memory': {
    ...ended(137, 'x=a\nwhile :; do x=$x$x; done'),
    step: { computeResources: { limits: { memory: '32Mi' } } },
    // Under load the container runtime may hear of it after the container's end, and never say so: then it is a mere signal.
    reason: /^(?:OOMKilled|Error)$/,
  },
  'makes a result a link': badResult('ln -s /etc/passwd $(results.r.path)', 'is a symbolic link'),
  'makes a result a FIFO': badResult('mkfifo $(results.r.path)', 'is no regular file'),
  'makes a result a folder': badResult('mkdir $(results.r.path)', 'is no regular file'),
  'makes a result a device': badResult('mknod $(results.r.path) c 1 5', 'is no regular file'),
  'makes a result a terabyte': badResult(
    'truncate -s 1099511627776 $(results.r.path)',
    'larger than allowed',
    'TaskRunResultLargerThanAllowedLimit',
  ),
  'makes 100 000 files beside its result': well(
    'cd /tekton/results; printf done > r; i=0; while [ $i -lt 100000 ]; do : > f$i; i=$((i+1)); done',
    RESULT,
  ),
  'makes names that are long and hostile': well(
    `cd /tekton/results; printf done > r
touch "$(head -c 255 /dev/zero | tr '\\0' n)" "$(printf 'a\\nb')" "$(printf '\\033[2J')" -- '-rf' '{"seq":1}'`,
    RESULT,
  ),
  'puts terminal escapes into a result and its log': well(`${PRINT_ESCAPES} | tee $(results.r.path)`, RESULT),
  'takes all room for results': {
    spec: { results: [...'abcde'].map((name) => ({ name })) },
    script: 'for r in a b c d e; do head -c 1000000 /dev/zero | tr "\\0" x > /tekton/results/$r; done',
    exitCode: 1,
    reason: 'Error',
    says: 'larger than allowed',
    task: 'TaskRunResultLargerThanAllowedLimit',
  },
  'writes to its termination log': ended(
    6,
    'yes "$(head -c 3000 /dev/zero | tr "\\0" x)" | head -c 1000000 > /dev/termination-log; exit 6',
  ),
};

const idOf = (what: string): string =>
  what
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/-$/, '');

/** A neighbour that must not notice: one beside the hostile tasks, one after them, in the same pod where tasks share one. */
const innocent = (name: string, runAfter: readonly string[] = []) => ({
  name,
  runAfter,
  taskSpec: {
    results: [{ name: 'r' }],
    steps: [
      { name: 'one', image, script: 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i > /workspace/count' },
      // It starts no process: where a pod's process ids are used up, only steps themselves are waited for.
      { name: 'two', image, script: 'read -r count < /workspace/count; printf "now %s" $count > $(results.r.path)' },
    ],
  },
});

const amongInnocents = (name: string, tasks: readonly object[]): object =>
  pipelineOf(name, {
    tasks: [
      innocent('beside'),
      ...tasks.map((task) => ({ ...task, onError: 'continue' })),
      innocent('after', ['beside', ...tasks.map((task) => (task as { name: string }).name)]),
    ],
  });

const hostileTask = (what: string, { script, step, spec }: Hostile): object => ({
  name: idOf(what),
  taskSpec: { ...spec, steps: [{ name: 'hostile', image, script, ...step }] },
});

/** The lines of its own step in the log of all. */
const logOf = (log: string, what: string): string =>
  log
    .split('\n')
    .filter((line) => line.startsWith(`[${idOf(what)} : hostile] `))
    .join('\n');

type Runs = Readonly<Record<string, TaskRun>>;
const stateOf = (run: TaskRun | undefined) => {
  const [condition] = (run?.status?.conditions ?? []) as readonly { status: string; reason: string; message: string }[];
  const [step] = (run?.status?.steps ?? []) as readonly {
    terminated?: { exitCode: number; reason: string };
    terminationReason?: string;
  }[];
  const results = (run?.status?.results ?? []) as readonly { name: string; value: unknown }[];
  return {
    task: condition?.reason,
    exitCode: step?.terminated?.exitCode,
    reason: step?.terminationReason ?? step?.terminated?.reason,
    message: condition?.message ?? '',
    result: results.find(({ name }) => name === 'r')?.value,
  };
};

const expectInnocents = (runs: Runs): void => {
  for (const name of ['beside', 'after'])
    expect(stateOf(runs[name])).toMatchObject({ task: 'Succeeded', result: 'now 20000' });
};

describe.each(['task', 'run'])('a hostile step, --pods %s:', (pods) => {
  let runs: Runs;
  let log: string;
  beforeAll(async () => {
    const tasks = Object.entries(HOSTILE).map(([what, hostile]) => hostileTask(what, hostile));
    const name = `hostile-${pods}`;
    const ran = await runObject(space, name, amongInnocents(name, tasks), ['--pods', pods]);
    log = ran.stderr;
    expect(ran.code, log).toBe(0);
    runs = await space.taskRuns(name);
  });

  test.each(Object.entries(HOSTILE))('%s', (what, { exitCode, reason, says, task = 'FailureIgnored' }) => {
    const state = stateOf(runs[idOf(what)]);
    expect(state, log.slice(-10_000)).toMatchObject({ exitCode, reason: expect.stringMatching(reason), task });
    if (says) expect(logOf(log, what)).toContain(says);
  });

  test('none of them harms a neighbour', () => expectInnocents(runs));

  test('escapes are kept in the record, and shown on a terminal', () => {
    expect(stateOf(runs[idOf('puts terminal escapes into a result and its log')]).result).toBe(ESCAPES);
    expect(log).toContain('\\x1b]0;title\\x07');
    expect(log).not.toContain('\u001b]');
    expect(log).not.toContain('\u0000');
  });

  test('a fork bomb ends at its pod, and its neighbours go on', async () => {
    // Not before all containers have been made: the pod's process ids are theirs too. A socket that listens waits for one.
    const ready = "while grep -q ' 00010000 .*/waybill/run/' /proc/net/unix; do sleep 0.1; done";
    const script = `#!/bin/sh\n${ready}\nbomb() { while :; do bomb & done; }\nbomb &\nwhile :; do :; done`;
    const name = `bomb-${pods}`;
    const bomb = hostileTask('bomb', { ...TIMED, script, step: { timeout: '4s' } });
    const { stderr } = await runObject(space, name, amongInnocents(name, [bomb]), ['--pods', pods]);
    expect(stderr).toContain("can't fork");
    const bombed = await space.taskRuns(name);
    expect(stateOf(bombed.bomb), stderr.slice(-5000)).toMatchObject({
      task: 'FailureIgnored',
      reason: 'TimeoutExceeded',
    });
    expectInnocents(bombed);
  });

  test.concurrent('floods of output, with lines and without, leave the driver’s memory flat', async () => {
    const name = `floods-${pods}`;
    // Once a gigabyte, beside its neighbours in one pod: it takes a minute on a slow machine.
    const bytes = pods === 'run' ? 1_000_000_000 : 200_000_000;
    const lines = `yes "$(head -c 4000 /dev/zero | tr "\\0" x)" | head -c ${bytes} && exit 7`;
    const floods = [
      hostileTask('lines', ended(7, lines)),
      hostileTask('one line', ended(8, 'head -c 100000000 /dev/zero | tr "\\0" x; exit 8')),
    ];
    const file = await space.file(`${name}.yaml`, amongInnocents(name, floods));
    const kubeconfig = await space.file(`${name}.kubeconfig`, space.user.kubeconfig);
    const call = ['run', file, '-n', space.name, '--name', name, '--pods', pods, '-o', 'json'];
    const { code, peak } = await peakOf(kubeconfig, call);
    expect(code).toBe(0);
    const runs = await space.taskRuns(name);
    expect(stateOf(runs.lines)).toMatchObject({ exitCode: 7, task: 'FailureIgnored' });
    expect(stateOf(runs['one-line'])).toMatchObject({ exitCode: 8, task: 'FailureIgnored' });
    expectInnocents(runs);
    expect(peak, 'the most memory that the driver had, in MiB').toBeLessThan(400);
  });

  test.concurrent('a script that names a large result a thousand times fills no memory', async () => {
    const name = `many-times-${pods}`;
    const make = 'head -c 1000000 /dev/zero | tr "\\0" x > $(results.r.path)';
    const tasks = [
      { name: 'make', taskSpec: { results: [{ name: 'r' }], steps: [{ name: 'make', image, script: make }] } },
      {
        name: 'many',
        params: [{ name: 'p', value: '$(tasks.make.results.r)' }],
        taskSpec: {
          params: [{ name: 'p' }],
          steps: [{ name: 'many', image, script: `echo ${'$(params.p)'.repeat(1000)}` }],
        },
      },
    ];
    const { code, stderr } = await runObject(space, name, amongInnocents(name, tasks), ['--pods', pods]);
    expect(code, stderr).toBe(0);
    const runs = await space.taskRuns(name);
    // Its pod would hold the script; in the other grouping the agent makes it.
    expect(stateOf(runs.many).task).toBe(pods === 'task' ? 'PodCreationFailed' : 'FailureIgnored');
    expectInnocents(runs);
  });

  test.concurrent('a step that ignores signals ends when its run is cancelled', async () => {
    const name = `cancelled-${pods}`;
    const script = "trap '' TERM INT HUP QUIT; echo deaf; while :; do sleep 1; done";
    const file = await space.file(`${name}.yaml`, pipelineOf(name, { tasks: [hostileTask('deaf', ended(9, script))] }));
    const driver = space.start(['run', file, '--name', name, '--pods', pods]);
    await driver.says('] deaf');
    await space.cli(['cancel', name]);
    expect((await driver.finished).code).toBe(130);
    const { deaf } = await space.taskRuns(name);
    expect(stateOf(deaf)).toMatchObject({ task: 'TaskRunCancelled' });
    await endedPods(space, name);
  });
});

const MAIN = resolve(import.meta.dirname, '../../cli/main.ts');

/** Runs the tool with its logs thrown away, and watches its memory: in MiB, the most that it ever had. */
const peakOf = async (
  kubeconfig: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly peak: number }> => {
  const child = spawn(process.execPath, ['--conditions=@waybill/source', MAIN, ...args], {
    env: { ...process.env, KUBECONFIG: kubeconfig, WAYBILL_AGENT_IMAGE: space.cluster.agentImage },
    stdio: 'ignore',
  });
  const over = once(child, 'close');
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
    await Promise.race([over, sleep(250)]);
  }
  return { code: child.exitCode, peak };
};
