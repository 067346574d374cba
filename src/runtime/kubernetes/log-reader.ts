import type { EngineEvent, Time } from '../../engine/index.ts';
import { type AgentEvent, eventReader } from '../../pod/index.ts';
import type { PodHandle, RunRef } from '../types.ts';

/** Reads one supervisor's log as events of the engine, line by line. */
export interface LogReader {
  line(line: Buffer): readonly EngineEvent[];
  /** The agent has told everything. */
  readonly closed: boolean;
  /** Whether something that it said was not read, as far as is known. */
  readonly gap: boolean;
}

/**
 * A reader for the log of one pod. A log whose greeting is of another run, group or attempt is not believed; throws
 * `AgentProtocol` for an agent of another version.
 */
export const logReader = (run: Pick<RunRef, 'uid'>, pod: PodHandle): LogReader => {
  const reader = eventReader();
  let foreign = false;
  return {
    line: (line) =>
      foreign
        ? []
        : reader.push(line.toString('utf8')).flatMap((event) => {
            const { group, attempt } = pod;
            if (event.type === 'hello') {
              foreign ||= event.run !== run.uid || event.group !== group || event.attempt !== attempt;
            }
            return foreign ? [] : engineEvents(event, { group, attempt, at: Date.parse(event.time) });
          }),
    get closed() {
      return !foreign && reader.closed;
    },
    get gap() {
      return foreign || reader.gap !== null;
    },
  };
};

interface Origin {
  readonly group: number;
  readonly attempt: number;
  readonly at: Time;
}

const engineEvents = (event: AgentEvent, origin: Origin): readonly EngineEvent[] => {
  switch (event.type) {
    case 'hello':
    case 'heartbeat':
      return [];
    case 'task.started':
      return [{ kind: 'taskStarted', ...origin, task: event.task }];
    case 'step.started':
      return [{ kind: 'stepStarted', ...origin, task: event.task, step: event.step }];
    case 'step.finished': {
      const { seq: _, time: __, type: ___, ...outcome } = event;
      return [{ ...outcome, kind: 'stepFinished', ...origin }];
    }
    case 'task.finished': {
      const { seq: _, time: __, type: ___, ...outcome } = event;
      return [{ ...outcome, kind: 'taskFinished', ...origin }];
    }
    case 'closing':
      // Whoever follows the steps' logs must hear of each step, even if nothing but the closing was read.
      return [
        ...event.tasks.flatMap((task) => starts(task, origin)),
        { kind: 'snapshot', ...origin, tasks: event.tasks },
      ];
  }
};

const starts = (
  { task, startedAt, steps }: Extract<AgentEvent, { type: 'closing' }>['tasks'][number],
  origin: Origin,
): readonly EngineEvent[] => [
  ...(startedAt === undefined ? [] : [{ kind: 'taskStarted' as const, ...origin, task, at: Date.parse(startedAt) }]),
  ...steps.flatMap((step, index) =>
    step.startedAt === undefined
      ? []
      : [{ kind: 'stepStarted' as const, ...origin, task, step: index, at: Date.parse(step.startedAt) }],
  ),
];
