import type { Kind } from '../kinds.ts';
import { pipeline } from './pipeline.ts';
import { pipelineRun, taskRun } from './runs.ts';
import { stepAction, task } from './task.ts';

/** The schema of each kind, in the version that Waybill works with: v1, and v1beta1 for StepActions. */
export const SCHEMAS = {
  Task: task,
  Pipeline: pipeline,
  StepAction: stepAction,
  TaskRun: taskRun,
  PipelineRun: pipelineRun,
} as const satisfies Record<Kind, unknown>;
