/** The image of steps, which the cluster has. */
export const IMAGE = 'docker.io/library/busybox:1.36';

/** What PodSecurity `restricted` wants of a container; the rest is in `fixtures/restricted-pod-template.yaml`. */
const RESTRICTED = {
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
} as const;

export interface StepOf {
  readonly name?: string;
  readonly script?: string;
  readonly [field: string]: unknown;
}

/** A spec of scripts, or of steps with more to them. */
export const specOf = (steps: readonly (string | StepOf)[], more: object = {}): object => ({
  stepTemplate: RESTRICTED,
  steps: steps.map((step) => ({ image: IMAGE, ...(typeof step === 'string' ? { script: step } : step) })),
  ...more,
});

export const taskOf = (name: string, steps: readonly (string | StepOf)[], more: object = {}): object => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name },
  spec: specOf(steps, more),
});

export const pipelineOf = (name: string, spec: object): object => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: { name },
  spec,
});
