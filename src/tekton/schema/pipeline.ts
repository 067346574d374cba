import { z } from 'zod';
import { metadata } from './kubernetes.ts';
import { embeddedTaskSpec, paramSpecs, params, reference, when } from './task.ts';
import { fields, flag, name, open, paramValue, text, texts, whole } from './values.ts';

/** https://tekton.dev/docs/pipelines/pipeline-api/#tekton.dev/v1.PipelineSpec */

const matrix = fields({
  params: params.optional(),
  include: z.array(fields({ name: text.optional(), params: params.optional() })).optional(),
});

const pipelineTasks = z.array(
  fields({
    name: text.optional(),
    displayName: text.optional(),
    description: text.optional(),
    taskRef: reference.optional(),
    taskSpec: embeddedTaskSpec.optional(),
    pipelineRef: reference.omit({ kind: true }).optional(),
    /** Pipelines in Pipelines are refused as a whole, so their inside stays open. */
    pipelineSpec: open.optional(),
    params: params.optional(),
    matrix: matrix.optional(),
    runAfter: texts.optional(),
    when: when.optional(),
    retries: whole.optional(),
    timeout: text.optional(),
    onError: text.optional(),
    workspaces: z.array(fields({ name, workspace: text.optional(), subPath: text.optional() })).optional(),
  }),
);

export const pipelineSpec = fields({
  displayName: text.optional(),
  description: text.optional(),
  params: paramSpecs.optional(),
  workspaces: z.array(fields({ name, description: text.optional(), optional: flag.optional() })).optional(),
  tasks: pipelineTasks.min(1),
  finally: pipelineTasks.optional(),
  results: z
    .array(
      fields({
        name,
        type: z.enum(['string', 'array', 'object']).optional(),
        description: text.optional(),
        value: paramValue,
      }),
    )
    .optional(),
});

export const pipeline = fields({ apiVersion: text, kind: z.literal('Pipeline'), metadata, spec: pipelineSpec });
