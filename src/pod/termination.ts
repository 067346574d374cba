import { z } from 'zod';

const MESSAGE = z.object({
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
});

/** The outcomes that a supervisor leaves for a reader that lost its log: no results, and not always all tasks. */
export type Termination = z.output<typeof MESSAGE>;

/** Kubernetes keeps no more of a container's message. */
const LONGEST = 4096;

/** Reads the supervisor's termination message; undefined if it left none that can be read. */
export const readTermination = (message: string | undefined): Termination | undefined => {
  if (message === undefined || message.length > LONGEST) return undefined;
  try {
    const read = MESSAGE.safeParse(JSON.parse(message));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
};
