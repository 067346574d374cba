/** Why a task was skipped: the texts that Tekton writes into `status.skippedTasks[].reason`. */
export const SKIP = {
  when: 'When Expressions evaluated to false',
  parent: 'Parent Tasks were skipped',
  results: 'Results were missing',
  stopping: 'PipelineRun was stopping',
  cancelled: 'PipelineRun was gracefully cancelled',
  stopped: 'PipelineRun was gracefully stopped',
  pipelineTimeout: 'PipelineRun timeout has been reached',
  tasksTimeout: 'PipelineRun Tasks timeout has been reached',
  finallyTimeout: 'PipelineRun Finally timeout has been reached',
} as const;

/** Reasons of a TaskRun's condition that the engine gives itself; all others come from the agent or the pod. */
export const TASK = {
  succeeded: 'Succeeded',
  cancelled: 'TaskRunCancelled',
  timeout: 'TaskRunTimeout',
  ignored: 'FailureIgnored',
  badReference: 'InvalidTaskResultReference',
} as const;

/** Reasons of a PipelineRun's condition when it is over. */
export const RUN = {
  succeeded: 'Succeeded',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  timeout: 'PipelineRunTimeout',
  badReference: 'InvalidTaskResultReference',
  badResult: 'CouldntGetPipelineResult',
} as const;

/** Tekton's message of a TaskRun that succeeded. */
export const ALL_STEPS_DONE = 'All Steps have completed executing';

/** Whether a skip reason is one of a timeout: Tekton counts such a run as failed. */
export const isTimeoutSkip = (reason: string): boolean =>
  reason === SKIP.pipelineTimeout || reason === SKIP.tasksTimeout || reason === SKIP.finallyTimeout;
