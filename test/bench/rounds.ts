import { setTimeout as wait } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/index.ts';
import { createRecordStore } from '../../src/runtime/index.ts';
import { runSubject, type SubjectTimes, untilQuiet } from './subject-run.ts';
import type { Subject } from './subjects.ts';
import { measureYardstick } from './yardstick.ts';

/** One measurement of a subject, and of the yardsticks before and after it. Milliseconds. */
export interface Sample extends SubjectTimes {
  readonly before: number;
  readonly after: number;
}

export interface RoundOptions {
  /** For the yardsticks, and for what is not measured. */
  readonly client: KubeClient;
  /** For the subjects alone: its counters count their requests. */
  readonly subjectClient: KubeClient;
  readonly agentImage: string;
  readonly samples: number;
  readonly onRound: (round: number, samples: readonly Sample[]) => void;
}

/** The kubelet looks at its containers once in so many milliseconds. */
const PERIOD = 1000;
/** Multiples of it, modulo 1, are spread evenly, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Measures every subject `samples` times, always between two yardsticks: a round is yardstick, subject, yardstick, subject,
 * …, yardstick. Before each measurement the cluster is quiet, and the measurements begin at all points of the kubelet's
 * period alike. The first round warms up and does not count. What a round made is deleted at its end.
 */
export const measureRounds = async (
  subjects: readonly Subject[],
  { client, subjectClient, agentImage, samples, onRound }: RoundOptions,
): Promise<ReadonlyMap<Subject, readonly Sample[]>> => {
  const all = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
  const records = createRecordStore({ client });
  let measured = 0;
  const atPhase = async (): Promise<void> => {
    measured += 1;
    await wait(((measured * GOLDEN) % 1) * PERIOD);
  };

  for (let round = 0; round <= samples; round += 1) {
    const pods = [`yardstick-${round}`];
    const runs: string[] = [];
    const found: Sample[] = [];
    await atPhase();
    let before = await measureYardstick(client, `yardstick-${round}`);
    for (const [index, subject] of subjects.entries()) {
      const name = `round-${round}-${index}`;
      await atPhase();
      runs.push(name);
      const { uid, ...times } = await runSubject(subject, { client: subjectClient, agentImage, name });
      await untilQuiet(client, uid);
      const pod = `yardstick-${round}-${index}`;
      await atPhase();
      pods.push(pod);
      const after = await measureYardstick(client, pod);
      found.push({ ...times, before, after });
      before = after;
    }
    await Promise.all([
      ...pods.map((pod) => client.delete('pods', pod, { graceSeconds: 0 })),
      ...runs.map((run) => records.delete(client.namespace, run)),
    ]);
    if (round > 0) for (const [index, subject] of subjects.entries()) all.get(subject)?.push(found[index] as Sample);
    onRound(round, found);
  }
  return all;
};
