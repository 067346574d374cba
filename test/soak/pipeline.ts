import { IMAGE, pipelineOf, specOf } from '../support/objects.ts';
import type { Fault } from './faults.ts';
import type { SoakRun } from './plan.ts';

/** Where the harness' claim is in every run, and where runs write down what they execute: a file each. */
const COUNTS = '/counts';
/** Longer than anything waits. */
const FOREVER = 900;

/** A task that writes down that it is executed, as the first thing that it does. */
const task = (name: string, run: string, then: string, more: object = {}) => ({
  name,
  workspaces: [{ name: 'counts' }, { name: 'own' }],
  taskSpec: specOf(
    [
      {
        name: 'main',
        image: IMAGE,
        script: `echo ${name} $(context.task.retry-count) >> ${COUNTS}/${run}\necho ${name} began\n${then}`,
        ...more,
      },
    ],
    { workspaces: [{ name: 'counts', mountPath: COUNTS }, { name: 'own' }] },
  ),
});

const RETRY = '[ $(context.task.retry-count) != 0 ] ||';

/** What the middle task does, and what its step has beside that. */
const middleOf = (
  fault: Fault,
  sleep: number,
  registry: string,
): { readonly script: string; readonly step?: object } => {
  switch (fault) {
    case 'pod-deleted':
    case 'timeout':
    case 'cancelled':
      return { script: `sleep ${FOREVER}` };
    case 'pod-deleted-retry':
      return { script: `${RETRY} sleep ${FOREVER}` };
    case 'step-fails':
      return { script: 'exit 3' };
    case 'step-oom':
      return { script: 'x=a\nwhile :; do x=$x$x; done', step: { computeResources: { limits: { memory: '16Mi' } } } };
    case 'image-missing':
      return { script: 'true', step: { image: `${registry}/soak/missing@sha256:${'0'.repeat(64)}` } };
    case 'none':
    case 'driver-killed':
    case 'driver-stopped':
    case 'streams-cut':
    case 'api-slow':
    case 'quota-full':
      return { script: `sleep ${sleep}` };
  }
};

/** The Pipeline of a run: two tasks one after another, and a third in any case; in three pods, or in two. */
export const pipelineFor = ({ name, fault, sleep }: SoakRun, registry: string): object => {
  const { script, step } = middleOf(fault, sleep, registry);
  const workspaces = [{ name: 'counts' }, { name: 'own' }];
  return pipelineOf('soak', {
    workspaces,
    tasks: [
      task('first', name, 'echo first > $(workspaces.own.path)/first'),
      {
        ...task('middle', name, script, step),
        runAfter: ['first'],
        ...(fault === 'pod-deleted-retry' ? { retries: 1 } : {}),
        ...(fault === 'timeout' ? { timeout: '3s' } : {}),
      },
    ],
    finally: [task('last', name, 'true')],
  });
};
