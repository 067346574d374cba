import { z } from 'zod';
import { env, envFrom, metadata, resources, securityContext, volumeDevices, volumeMounts } from './kubernetes.ts';
import { fields, flag, name, open, paramValue, text, textMap, texts, whole } from './values.ts';
import { volumes } from './volumes.ts';

/** https://tekton.dev/docs/pipelines/pipeline-api/#tekton.dev/v1.TaskSpec */

const type = z.enum(['string', 'array', 'object']);
const properties = z.record(text, fields({ type: z.literal('string').optional() }));

export const params = z.array(fields({ name, value: paramValue }));

export const paramSpecs = z.array(
  fields({
    name,
    type: type.optional(),
    description: text.optional(),
    default: paramValue.optional(),
    properties: properties.optional(),
    enum: texts.optional(),
  }),
);

const stepResults = z.array(
  fields({ name, type: type.optional(), description: text.optional(), properties: properties.optional() }),
);

const taskResults = z.array(
  fields({
    name,
    type: type.optional(),
    description: text.optional(),
    properties: properties.optional(),
    value: paramValue.optional(),
  }),
);

/** A reference by name or by resolver; which fields go together is checked apart. */
export const reference = fields({
  name: text.optional(),
  kind: text.optional(),
  apiVersion: text.optional(),
  resolver: text.optional(),
  params: params.optional(),
});

export const when = z.array(
  fields({ input: text.optional(), operator: text.optional(), values: texts.optional(), cel: text.optional() }),
);

const stepTemplateShape = {
  image: text.optional(),
  command: texts.optional(),
  args: texts.optional(),
  workingDir: text.optional(),
  env: env.optional(),
  envFrom: envFrom.optional(),
  volumeMounts: volumeMounts.optional(),
  volumeDevices: volumeDevices.optional(),
  imagePullPolicy: text.optional(),
  securityContext: securityContext.optional(),
  computeResources: resources.optional(),
};

const isolatedWorkspaces = z.array(fields({ name, mountPath: text.optional() }));
const stream = fields({ path: text.optional() });

const steps = z.array(
  fields({
    ...stepTemplateShape,
    name: text.optional(),
    displayName: text.optional(),
    script: text.optional(),
    timeout: text.optional(),
    onError: text.optional(),
    results: stepResults.optional(),
    ref: reference.omit({ kind: true, apiVersion: true }).optional(),
    params: params.optional(),
    when: when.optional(),
    workspaces: isolatedWorkspaces.optional(),
    stdoutConfig: stream.optional(),
    stderrConfig: stream.optional(),
  }),
);

const sidecars = z.array(
  fields({
    ...stepTemplateShape,
    name: text.optional(),
    script: text.optional(),
    workspaces: isolatedWorkspaces.optional(),
    restartPolicy: text.optional(),
    lifecycle: open.optional(),
    livenessProbe: open.optional(),
    readinessProbe: open.optional(),
    startupProbe: open.optional(),
    ports: z
      .array(
        fields({
          containerPort: whole,
          hostIP: text.optional(),
          hostPort: whole.optional(),
          name: text.optional(),
          protocol: text.optional(),
        }),
      )
      .optional(),
    stdin: flag.optional(),
    stdinOnce: flag.optional(),
    tty: flag.optional(),
    terminationMessagePath: text.optional(),
    terminationMessagePolicy: text.optional(),
  }),
);

const taskSpecShape = {
  displayName: text.optional(),
  description: text.optional(),
  params: paramSpecs.optional(),
  stepTemplate: fields(stepTemplateShape).optional(),
  sidecars: sidecars.optional(),
  results: taskResults.optional(),
  workspaces: z
    .array(
      fields({
        name,
        description: text.optional(),
        mountPath: text.optional(),
        readOnly: flag.optional(),
        optional: flag.optional(),
      }),
    )
    .optional(),
  volumes: volumes.optional(),
};

export const taskSpec = fields({ ...taskSpecShape, steps: steps.min(1) });

/** In a Pipeline a spec may also be that of a custom task: then it is `apiVersion`, `kind` and an open `spec`. */
export const embeddedTaskSpec = fields({
  ...taskSpecShape,
  steps: steps.optional(),
  metadata: fields({ labels: textMap.optional(), annotations: textMap.optional() }).optional(),
  apiVersion: text.optional(),
  kind: text.optional(),
  spec: open.optional(),
});

export const task = fields({ apiVersion: text, kind: z.literal('Task'), metadata, spec: taskSpec });

/** https://tekton.dev/docs/pipelines/pipeline-api/#tekton.dev/v1beta1.StepActionSpec */
export const stepAction = fields({
  apiVersion: text,
  kind: z.literal('StepAction'),
  metadata,
  spec: fields({
    description: text.optional(),
    params: paramSpecs.optional(),
    results: stepResults.optional(),
    image: text.optional(),
    command: texts.optional(),
    args: texts.optional(),
    script: text.optional(),
    workingDir: text.optional(),
    env: env.optional(),
    securityContext: securityContext.optional(),
    volumeMounts: volumeMounts.optional(),
  }),
});

/** Overrides that a run gives for steps and sidecars. */
export const containerSpecs = z.array(fields({ name, computeResources: resources }));
