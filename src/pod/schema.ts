import { z } from 'zod';
import type { AgentEvent } from './program.ts';

/** Schemas of what an agent says. Unknown fields are left out, so that a later agent may say more; unknown types are no events. */

const count = z.int().min(0);
const time = z.iso.datetime({ precision: 3 });
const value = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())]);

/** Results by their names. */
export const resultValues = z.record(z.string(), value);
const results = resultValues.exactOptional();

const stepOutcome = {
  exitCode: count,
  reason: z.enum(['Completed', 'Error', 'Continued', 'Skipped', 'TimeoutExceeded', 'Cancelled']),
  message: z.string().exactOptional(),
  results,
};

const taskOutcome = {
  outcome: z.enum(['succeeded', 'failed', 'skipped']),
  reason: z.string(),
  message: z.string().exactOptional(),
  results,
};

const snapshotTask = z.object({
  task: count,
  ...taskOutcome,
  startedAt: time.exactOptional(),
  finishedAt: time,
  steps: z.array(z.object({ ...stepOutcome, startedAt: time.exactOptional(), finishedAt: time.exactOptional() })),
});

const line = { seq: z.int().min(1), time };

/** One event, whether it came on one line or in parts. */
export const agentEvent = z.discriminatedUnion('type', [
  z.object({
    ...line,
    type: z.literal('hello'),
    protocol: count,
    agent: z.string(),
    run: z.string(),
    group: count,
    attempt: count,
  }),
  z.object({ ...line, type: z.literal('task.started'), task: count }),
  z.object({ ...line, type: z.literal('step.started'), task: count, step: count }),
  z.object({ ...line, type: z.literal('step.finished'), task: count, step: count, ...stepOutcome }),
  z.object({ ...line, type: z.literal('task.finished'), task: count, ...taskOutcome }),
  z.object({ ...line, type: z.literal('heartbeat') }),
  z.object({ ...line, type: z.literal('closing'), tasks: z.array(snapshotTask) }),
]) satisfies z.ZodType<AgentEvent>;

/** A piece of an event that is longer than a line. The largest closing event, 4 MiB of results where each byte is escaped twice, has 2500. */
export const agentPart = z.object({
  ...line,
  part: z.int().min(1),
  parts: z.int().min(1).max(3072),
  data: z.string(),
});

export type AgentPart = z.infer<typeof agentPart>;
