import { expect, test } from 'vitest';
import { kubernetesRuntime, type Observation } from '../../../src/runtime/index.ts';
import { type Answer, event, json, pieces, podList, refuse, serve } from '../kube/server.ts';
import { RUN } from './fakes.ts';
import { planOf } from './plan.ts';

const PLAN = planOf([]);

const podIn = (state: object, { version = '1', phase = 'Running', owner = RUN.owner.uid } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'pod-1',
    uid: 'uid-1',
    resourceVersion: version,
    labels: { 'waybill.dev/run-uid': RUN.uid, 'waybill.dev/group': '0', 'waybill.dev/attempt': '1' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: RUN.owner.name, uid: owner }],
  },
  spec: { containers: [] },
  status: { phase, containerStatuses: [{ name: 'waybill-supervisor', state }] },
});

const RUNNING = { running: {} };
const ENDED = { terminated: { exitCode: 0, finishedAt: '2026-01-01T00:00:00Z' } };

const say = (...events: readonly object[]): string =>
  events
    .map((one, index) => {
      const stamp = `2026-01-01T00:00:0${index}.000000000Z`;
      return `${stamp} ${JSON.stringify({ seq: index + 1, time: '2026-01-01T00:00:00.000Z', ...one })}\n`;
    })
    .join('');

const HELLO = { type: 'hello', protocol: 1, agent: '0', run: RUN.uid, group: 0, attempt: 1 };
const STARTED = { type: 'task.started', task: 0 };
const FINISHED = { type: 'task.finished', task: 0, outcome: 'succeeded', reason: 'Succeeded' };
const CLOSING = { type: 'closing', tasks: [] };

/** What is observed, in short, until `count` observations or the end. */
const observe = async (
  answers: {
    readonly list: Answer;
    readonly watch?: Answer;
    readonly log?: Answer;
    /** Without them nobody may read Events. */
    readonly events?: Answer;
    /** Without it nobody may attach. */
    readonly live?: string;
    readonly patience?: { readonly silence: number; readonly dead: number };
  },
  count: number,
): Promise<{ seen: string[]; paths: string[] }> => {
  const api = await serve((response, asked) => {
    if (asked.path.endsWith('/log')) return (answers.log ?? pieces([], 'stay'))(response, asked);
    if (asked.path.endsWith('/events')) {
      if (answers.events === undefined) return json(403, { reason: 'Forbidden', code: 403 })(response, asked);
      return (asked.query.get('watch') === 'true' ? answers.events : podList('1', []))(response, asked);
    }
    return asked.query.get('watch') === 'true'
      ? (answers.watch ?? pieces([], 'stay'))(response, asked)
      : answers.list(response, asked);
  });
  if (answers.live !== undefined) api.acceptSockets(framesOf(answers.live));
  const abort = new AbortController();
  const { patience } = answers;
  const runtime = kubernetesRuntime(api.client(), { pause: async () => {}, ...(patience && { patience }) });
  const seen: string[] = [];
  for await (const observation of runtime.observe(RUN, { plan: PLAN, signal: abort.signal })) {
    seen.push(short(observation));
    if (seen.length === count) abort.abort();
  }
  return { seen, paths: api.asked.map(({ path }) => path.slice(path.lastIndexOf('/'))) };
};

/** Standard output as the API server sends it, in pieces that are no lines. */
const framesOf = (text: string): Buffer[] =>
  Array.from({ length: Math.ceil(text.length / 100) }, (_, index) =>
    Buffer.from(`\u0001${text.slice(index * 100, index * 100 + 100)}`),
  );

const short = (observation: Observation): string => {
  if (observation.kind === 'present') return `present ${observation.pods.length}`;
  if (observation.kind === 'appeared') return `appeared ${observation.pod.uid}`;
  if (observation.kind === 'notice') return `notice ${observation.notice.code}`;
  const { event: said } = observation;
  if (said.kind === 'podLost') return `podLost ${said.reason}${said.infrastructure ? ', again' : ''}`;
  return said.kind;
};

test('the log is opened when the pod runs, and tells all', async () => {
  const { seen, paths } = await observe(
    {
      list: podList('1', [podIn({ waiting: {} }, { phase: 'Pending' })]),
      watch: pieces([event('MODIFIED', podIn(RUNNING, { version: '2' }))], 'stay'),
      log: pieces([say(HELLO, STARTED, FINISHED, CLOSING)], 'stay'),
    },
    4,
  );
  expect(seen).toEqual(['present 1', 'taskStarted', 'taskFinished', 'snapshot']);
  expect(paths.filter((path) => path === '/log')).toHaveLength(1);
});

test('a log that ends without a closing leaves the rest to the status', async () => {
  const { seen } = await observe(
    {
      list: podList('1', [podIn(RUNNING)]),
      watch: pieces([event('MODIFIED', podIn(ENDED, { version: '2', phase: 'Failed' }))], 'stay'),
      log: pieces([say(HELLO, STARTED)]),
    },
    3,
  );
  expect(seen).toEqual(['present 1', 'taskStarted', 'podLost AgentFailed, again']);
});

test('a log of another run is not believed', async () => {
  const { seen } = await observe(
    {
      list: podList('1', [podIn(ENDED, { phase: 'Succeeded' })]),
      log: pieces([say({ ...HELLO, run: 'other' }, FINISHED, CLOSING)]),
    },
    2,
  );
  expect(seen).toEqual(['present 1', 'podLost AgentFailed']);
});

test('a log that may not be read is said, and the status decides', async () => {
  const { seen } = await observe(
    { list: podList('1', [podIn(ENDED, { phase: 'Succeeded' })]), log: refuse(403, 'Forbidden') },
    3,
  );
  expect(seen).toEqual(['present 1', 'notice LogForbidden', 'podLost AgentFailed']);
});

test('what the status and an event say alike is said once, and what is wrong with all nodes once a run', async () => {
  const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  const waits = (name: string, attempt: string) => {
    const { metadata, ...rest } = podIn({ waiting: {} }, { phase: 'Pending' });
    const labels = { ...metadata.labels, 'waybill.dev/attempt': attempt };
    return {
      ...rest,
      metadata: { ...metadata, name, uid: name, labels },
      status: { ...rest.status, conditions: [condition] },
    };
  };
  const said = (name: string, reason: string, text: string) =>
    event('ADDED', { metadata: { name, uid: name, resourceVersion: '2' }, reason, message: text });
  const events: Answer = (response, asked) => {
    const uid = /involvedObject\.uid=(\S+)/.exec(asked.query.get('fieldSelector') ?? '')?.[1];
    if (uid === undefined) return pieces([], 'stay')(response, asked);
    const own = [
      said('a', 'FailedScheduling', message),
      said('b', 'MissingClusterDNS', `pod: "ours_${uid}"`),
      said('c', 'Last', uid),
    ];
    return pieces(own, 'stay')(response, asked);
  };
  const { seen } = await observe({ list: podList('1', [waits('one', '1'), waits('two', '2')]), events }, 6);
  expect(seen.toSorted()).toEqual([
    'notice Last',
    'notice Last',
    'notice MissingClusterDNS',
    'notice Unschedulable',
    'notice Unschedulable',
    'present 2',
  ]);
});

test('a pod that is deleted is lost', async () => {
  const { seen } = await observe(
    {
      list: podList('1', [podIn({ waiting: {} }, { phase: 'Pending' })]),
      watch: pieces([event('DELETED', podIn({ waiting: {} }, { version: '2', phase: 'Pending' }))], 'stay'),
    },
    2,
  );
  expect(seen).toEqual(['present 1', 'podLost PodDeleted']);
});

test('a pod that only has the labels is not the run’s', async () => {
  const { seen } = await observe({ list: podList('1', [podIn(RUNNING, { owner: 'other' })]) }, 1);
  expect(seen).toEqual(['present 0']);
});

const WAITS = podIn({ waiting: {} }, { phase: 'Pending' });

const STARTS = pieces(
  [
    event('ADDED', {
      metadata: { name: 'e', uid: 'e', resourceVersion: '3' },
      reason: 'Started',
      involvedObject: { uid: 'uid-1' },
    }),
  ],
  'stay',
);

/** The supervisor's output, without the time stamps of a log. */
const live = (...events: readonly object[]): string => say(...events).replaceAll(/^\S+ /gm, '');

test('a short pod has told all before its log can be read', async () => {
  const step = { exitCode: 0, reason: 'Completed', startedAt: '2026-01-01T00:00:00.000Z' };
  const { type: _, ...task } = FINISHED;
  const closing = {
    type: 'closing',
    tasks: [{ ...task, startedAt: step.startedAt, finishedAt: step.startedAt, steps: [step] }],
  };
  const { seen, paths } = await observe(
    { list: podList('1', [WAITS]), events: STARTS, live: `"half of a line"}\n${live(STARTED, FINISHED, closing)}` },
    4,
  );
  expect(seen).toEqual(['present 1', 'taskStarted', 'stepStarted', 'snapshot']);
  expect(paths).not.toContain('/log');
});

test('what is heard live without its end is left to the log', async () => {
  const { seen, paths } = await observe(
    {
      list: podList('1', [WAITS]),
      watch: async (response, asked) => {
        await new Promise((done) => setTimeout(done, 100));
        await pieces([event('MODIFIED', podIn(RUNNING, { version: '2' }))], 'stay')(response, asked);
      },
      events: STARTS,
      live: live(HELLO, STARTED),
      log: pieces([say(HELLO, STARTED, FINISHED, CLOSING)], 'stay'),
    },
    4,
  );
  expect(seen).toEqual(['present 1', 'taskStarted', 'taskFinished', 'snapshot']);
  expect(paths.filter((path) => path === '/attach')).toHaveLength(1);
});

test('where nobody may attach, the log tells all', async () => {
  const { seen, paths } = await observe(
    {
      list: podList('1', [WAITS]),
      watch: async (response, asked) => {
        await new Promise((done) => setTimeout(done, 100));
        await pieces([event('MODIFIED', podIn(RUNNING, { version: '2' }))], 'stay')(response, asked);
      },
      events: STARTS,
      log: pieces([say(HELLO, STARTED, FINISHED, CLOSING)], 'stay'),
    },
    4,
  );
  expect(seen).toEqual(['present 1', 'taskStarted', 'taskFinished', 'snapshot']);
  expect(paths).toContain('/attach');
});

test('where the log may not be read, the supervisor is heard though it runs already, and refusal is said once', async () => {
  const { seen, paths } = await observe(
    {
      list: podList('1', [podIn(RUNNING)]),
      log: refuse(403, 'Forbidden'),
      live: live(HELLO, STARTED, FINISHED, CLOSING),
    },
    3,
  );
  expect(seen).toEqual(['present 1', 'notice LogForbidden', 'snapshot']);
  expect(paths).toContain('/attach');
});

test('a supervisor that hangs ends its pod, and nothing is done again', async () => {
  const { seen } = await observe(
    {
      list: podList('1', [podIn(RUNNING)]),
      log: pieces([say(HELLO)], 'stay'),
      patience: { silence: 20, dead: 50 },
    },
    2,
  );
  expect(seen).toEqual(['present 1', 'podLost AgentSilent']);
});

test('a log that the node cannot follow is read again and again, and said once', async () => {
  let asked = 0;
  const { seen } = await observe(
    {
      list: podList('1', [podIn(RUNNING)]),
      log: (response, request) => {
        asked += 1;
        const told = say(...[HELLO, STARTED, FINISHED, CLOSING].slice(0, asked));
        const follow = request.query.get('follow') === 'true';
        return pieces([told, ...(follow ? ['failed to create fsnotify watcher: too many open files'] : [])])(
          response,
          request,
        );
      },
    },
    5,
  );
  expect(seen).toEqual(['present 1', 'notice LogPolled', 'taskStarted', 'taskFinished', 'snapshot']);
});

test('a pod whose log cannot be read to its end is not started again', async () => {
  const { seen } = await observe(
    { list: podList('1', [podIn(ENDED, { phase: 'Failed' })]), log: refuse(400, 'BadRequest') },
    2,
  );
  expect(seen).toEqual(['present 1', 'podLost AgentFailed']);
});
