import type { CompileInput, Grouping } from '../../src/plan/index.ts';
import type { Pipeline, PipelineTask, Task } from '../../src/tekton/index.ts';
import { IMAGE } from './yardstick.ts';

/** A kind of run that is measured. */
export interface Subject {
  readonly name: string;
  /** Highest median of the ratio to the yardstick. */
  readonly goal: number;
  readonly kind: 'TaskRun' | 'PipelineRun';
  readonly grouping: Grouping;
  readonly object: CompileInput['object'];
  /** What the run must give, so that nothing broken is measured. */
  readonly results: Readonly<Record<string, string>>;
}

const LENGTH = 5;

const steps = (count: number): Task => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name: `steps-${count}` },
  spec: { steps: Array.from({ length: count }, (_, at) => ({ name: `s${at}`, image: IMAGE, command: ['true'] })) },
});

/** Each task hands on the text of the one before it, with a letter of its own. */
const link = (at: number): PipelineTask => ({
  name: `t${at}`,
  params: [{ name: 'before', value: at === 0 ? '' : `$(tasks.t${at - 1}.results.text)` }],
  taskSpec: {
    params: [{ name: 'before', type: 'string' }],
    results: [{ name: 'text', type: 'string' }],
    steps: [
      {
        name: 'main',
        image: IMAGE,
        command: ['sh', '-c', `printf %s "$1" > $(results.text.path)`, 'sh', '$(params.before)x'],
      },
    ],
  },
});

const chain: Pipeline = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: { name: 'chain' },
  spec: {
    tasks: Array.from({ length: LENGTH }, (_, at) => link(at)),
    results: [{ name: 'text', type: 'string', value: `$(tasks.t${LENGTH - 1}.results.text)` }],
  },
};

const task = (count: number) => {
  const object = steps(count);
  return { object, source: { kind: 'Task', name: object.metadata.name ?? '' } } as const;
};

const pipeline = { object: chain, source: { kind: 'Pipeline', name: 'chain' } } as const;
const results = { text: 'x'.repeat(LENGTH) };

/** In the order in which a round measures them. */
export const SUBJECTS: readonly Subject[] = [
  { name: 'one step', goal: 0.6, kind: 'TaskRun', grouping: 'task', object: task(1), results: {} },
  { name: 'five steps', goal: 0.65, kind: 'TaskRun', grouping: 'task', object: task(LENGTH), results: {} },
  { name: 'five tasks, --pods run', goal: 0.8, kind: 'PipelineRun', grouping: 'run', object: pipeline, results },
  { name: 'five tasks, --pods task', goal: 3.2, kind: 'PipelineRun', grouping: 'task', object: pipeline, results },
];
