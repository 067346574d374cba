import { z } from 'zod';
import { claimTemplate, metadata, podShape, resources } from './kubernetes.ts';
import { pipelineSpec } from './pipeline.ts';
import { containerSpecs, params, reference, taskSpec } from './task.ts';
import { fields, name, open, text, textMap, texts, whole } from './values.ts';
import { configMap, csi, emptyDir, persistentVolumeClaim, projected, secret, volumes } from './volumes.ts';

/** https://tekton.dev/docs/pipelines/pipeline-api/#tekton.dev/v1.TaskRunSpec and PipelineRunSpec */

const workspaces = z.array(
  fields({
    name,
    subPath: text.optional(),
    emptyDir: emptyDir.optional(),
    persistentVolumeClaim: persistentVolumeClaim.optional(),
    volumeClaimTemplate: claimTemplate.optional(),
    configMap: configMap.optional(),
    secret: secret.optional(),
    projected: projected.optional(),
    csi: csi.optional(),
  }),
);

/** https://tekton.dev/docs/pipelines/podtemplates/ */
export const podTemplate = fields({ ...podShape, volumes: volumes.optional() });

export const taskRun = fields({
  apiVersion: text,
  kind: z.literal('TaskRun'),
  metadata,
  spec: fields({
    taskRef: reference.optional(),
    taskSpec: taskSpec.optional(),
    params: params.optional(),
    workspaces: workspaces.optional(),
    serviceAccountName: text.optional(),
    podTemplate: podTemplate.optional(),
    timeout: text.optional(),
    retries: whole.optional(),
    status: text.optional(),
    statusMessage: text.optional(),
    managedBy: text.optional(),
    computeResources: resources.optional(),
    stepSpecs: containerSpecs.optional(),
    sidecarSpecs: containerSpecs.optional(),
    debug: fields({
      breakpoints: fields({ onFailure: text.optional(), beforeSteps: texts.optional() }).optional(),
    }).optional(),
  }),
  status: open.optional(),
});

export const pipelineRun = fields({
  apiVersion: text,
  kind: z.literal('PipelineRun'),
  metadata,
  spec: fields({
    pipelineRef: reference.omit({ kind: true }).optional(),
    pipelineSpec: pipelineSpec.optional(),
    params: params.optional(),
    workspaces: workspaces.optional(),
    taskRunTemplate: fields({ serviceAccountName: text.optional(), podTemplate: podTemplate.optional() }).optional(),
    timeouts: fields({ pipeline: text.optional(), tasks: text.optional(), finally: text.optional() }).optional(),
    taskRunSpecs: z
      .array(
        fields({
          pipelineTaskName: text.optional(),
          serviceAccountName: text.optional(),
          podTemplate: podTemplate.optional(),
          stepSpecs: containerSpecs.optional(),
          sidecarSpecs: containerSpecs.optional(),
          metadata: fields({ labels: textMap.optional(), annotations: textMap.optional() }).optional(),
          computeResources: resources.optional(),
          timeout: text.optional(),
        }),
      )
      .optional(),
    status: text.optional(),
    managedBy: text.optional(),
  }),
  status: open.optional(),
});
