import { z } from 'zod';

const time = z.number().min(0);
const maybeTime = time.nullable();
const text = z.string();
const values = z.record(text, z.union([text, z.array(text), z.record(text, text)]));
const index = z.int().min(0);

const step = z.strictObject({
  phase: z.enum(['waiting', 'running', 'finished']),
  startedAt: maybeTime,
  finishedAt: maybeTime,
  exitCode: z.int().nullable(),
  reason: text,
  message: text,
  results: values,
});

const node = z.strictObject({
  phase: z.enum(['pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled']),
  reason: text,
  message: text,
  startedAt: maybeTime,
  finishedAt: maybeTime,
  results: values,
  steps: z.array(step),
  retries: z.array(
    z.strictObject({
      reason: text,
      message: text,
      startedAt: maybeTime,
      finishedAt: time,
      pod: text,
      results: values,
      steps: z.array(step),
    }),
  ),
  pod: text.nullable(),
});

const group = z.strictObject({
  phase: z.enum(['waiting', 'starting', 'running', 'done']),
  waits: index,
  open: index,
  startedAt: maybeTime,
  attempt: index,
  lost: index,
  pod: z.strictObject({ name: text, uid: text }).nullable(),
});

/** The engine's state, checked as a whole: a driver acts on it. */
const STATE = z.strictObject({
  phase: z.enum(['running', 'stopping', 'finally', 'done']),
  startedAt: maybeTime,
  finallyAt: maybeTime,
  finishedAt: maybeTime,
  cancel: z
    .strictObject({ mode: z.enum(['Cancelled', 'CancelledRunFinally', 'StoppedRunFinally']), at: time })
    .nullable(),
  timedOut: z.enum(['pipeline', 'tasks', 'finally']).nullable(),
  condition: z.strictObject({ status: z.enum(['True', 'False']), reason: text, message: text }).nullable(),
  nodes: z.array(node),
  groups: z.array(group),
  open: z.strictObject({ dag: index, finally: index }),
  results: z.array(z.strictObject({ name: text, value: z.union([text, z.array(text), z.record(text, text)]) })),
});

/** Of a plan only what tells it from other JSON: its digest says that it is the one that was made. */
const PLAN = z.looseObject({
  version: z.literal(1),
  kind: z.enum(['TaskRun', 'PipelineRun']),
  name: text,
  namespace: text,
  nodes: z.array(z.looseObject({ id: index, name: text })).min(1),
  groups: z.array(z.looseObject({ id: index, nodes: z.array(index) })).min(1),
});

export const RECORD = z.strictObject({
  version: z.literal(1),
  uid: text.min(1),
  name: text.min(1),
  namespace: text.min(1),
  kind: z.enum(['TaskRun', 'PipelineRun']),
  createdAt: time,
  agentImage: text.min(1),
  plan: PLAN,
  planDigest: text,
  state: STATE,
});

/** The JSON schema of a record, as docs/run-record.schema.json has it. */
export const recordJsonSchema = (): object => z.toJSONSchema(RECORD, { io: 'input' });
