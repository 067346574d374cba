import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Stored } from '../../src/kube/index.ts';
import { eventually, type Ran, type TestNamespace, type Tool } from './namespace.ts';
import { pipelineOf, specOf } from './objects.ts';

/** Two tasks, of which one needs a result of the other; `first` comes before it in the first one's script. */
export const pairOf = (first = ''): object =>
  pipelineOf('pair', {
    results: [{ name: 'out', value: '$(tasks.use.results.out)' }],
    tasks: [
      { name: 'make', taskSpec: specOf([`${first}\nprintf 21 > $(results.n.path)`], { results: [{ name: 'n' }] }) },
      {
        name: 'use',
        params: [{ name: 'n', value: '$(tasks.make.results.n)' }],
        taskSpec: specOf(['echo got $(params.n)\nprintf $((2 * $(params.n))) > $(results.out.path)'], {
          params: [{ name: 'n' }],
          results: [{ name: 'out' }],
        }),
      },
    ],
  });

/** What a run of {@link pairOf} has as its results. */
export const FORTY_TWO = [{ name: 'out', value: '42' }];

/** Runs an object under a name of its own. */
export const runObject = async (
  space: TestNamespace,
  name: string,
  object: object,
  more: readonly string[] = [],
  tool: Tool = space,
): Promise<Ran> => tool.run([await space.file(`${name}.yaml`, object), '--name', name, ...more]);

export const podsOf = async (space: TestNamespace, run: string): Promise<readonly Stored<Pod>[]> =>
  (await space.pods()).filter(({ metadata }) => metadata.labels?.['waybill.dev/run'] === run);

/** The pods of a run, once all have ended. */
export const endedPods = (space: TestNamespace, run: string): Promise<readonly Stored<Pod>[]> =>
  eventually(`the pods of ${run} end`, async () => {
    const pods = await podsOf(space, run);
    return pods.every(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed') ? pods : undefined;
  });

/** The conditions of a task's TaskRun, and what the first one says. */
export const conditionOf = async (
  space: TestNamespace,
  run: string,
  task: string,
): Promise<{ readonly conditions: unknown; readonly message: string }> => {
  const { conditions } = (await space.taskRuns(run))[task]?.status ?? {};
  const [condition] = (conditions ?? []) as readonly { readonly message: string }[];
  return { conditions, message: condition?.message ?? '' };
};

/**
 * How a run ended whose pod the cluster never took, or never got going: for `expectFault`. Known is it from the moment at
 * which its record was written, which comes right before its first pod.
 */
export const endOf = async (space: TestNamespace, run: string, task: string, ran: Promise<Ran>) => {
  const done = await ran;
  const over = Date.now();
  const { metadata } = await space.client.get('secrets', `waybill-run-${run}`);
  const known = Date.parse(String(metadata.creationTimestamp));
  return { ...done, ...(await conditionOf(space, run, task)), known, over };
};
