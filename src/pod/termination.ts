import { z } from 'zod';
import { resultValues } from './schema.ts';

const OUTCOMES = {
  version: z.literal(1),
  truncated: z.boolean().optional(),
  tasks: z.array(
    z.object({
      id: z.int().min(0),
      outcome: z.enum(['succeeded', 'failed', 'skipped']),
      reason: z.string().max(1024),
      exitCodes: z.array(z.int()).optional(),
    }),
  ),
};

const MESSAGE = z.object({
  ...OUTCOMES,
  /** By the id of a task that ran: all its results, or, where they had no room, no entry. Old agents send none at all. */
  results: z.record(z.string(), resultValues).optional().catch(undefined),
});

/** What a supervisor leaves for a reader that cannot read its log: outcomes, and results as far as there was room. */
export type Termination = z.output<typeof MESSAGE>;

/** Bytes that Kubernetes keeps of a container's message, and of those of all containers of a pod. */
const LONGEST = 4096;
const LONGEST_OF_POD = 12 * 1024;

/** Bytes that Kubernetes keeps of each message in a pod of so many containers. */
export const terminationLimit = (containers: number): number =>
  Math.min(LONGEST, Math.floor(LONGEST_OF_POD / Math.max(containers, 1)));

/** Stands before the results, which are last; no text of JSON holds its quotes. */
const RESULTS = ',"results":';

/**
 * Reads the supervisor's termination message; undefined if it left none that can be read. One whose end was cut off, as the
 * kubelet does where others put containers into the pod, still has its outcomes.
 */
export const readTermination = (message: string | undefined): Termination | undefined => {
  if (message === undefined || message.length > LONGEST) return undefined;
  const whole = parse(message);
  if (whole !== undefined) return whole;
  const end = message.indexOf(RESULTS);
  return end < 0 ? undefined : parse(`${message.slice(0, end)}}`);
};

const parse = (text: string): Termination | undefined => {
  try {
    const read = MESSAGE.safeParse(JSON.parse(text));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
};
