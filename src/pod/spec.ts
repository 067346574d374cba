import type { PersistentVolumeClaim, Pod, Secret } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { tasksAtOnce } from './at-once.ts';
import { joinClaims } from './claims.ts';
import { annotationsOf, labelsOf } from './labels.ts';
import { broken, groupOf, nodeOf } from './lookup.ts';
import { containersOf, podNameOf } from './names.ts';
import type { Program } from './program.ts';
import { type Attempt, programOf } from './program-of.ts';
import { sharedMemory, stepContainer, taskVolumes, templateVolumes } from './step-container.ts';
import { deliver, supervisorContainer, supervisorVolumes } from './supervisor.ts';
import { claimsOf, workspaceVolumes } from './workspaces.ts';

/** A pod and what must exist before it. Owner, epoch, plan digest and spec hash are the runtime's to add. */
export interface PodParts {
  readonly pod: Pod;
  readonly secrets: readonly Secret[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly program: Program;
  /** How many of its tasks can run at the same time, for {@link fitPod}. */
  readonly atOnce: number;
}

/** Longest `activeDeadlineSeconds` that Kubernetes takes. */
const FOREVER = 2 ** 31 - 1;
/** Seconds between SIGTERM and SIGKILL: the supervisor gives its shims five. */
const GRACE = 8;

/**
 * The pod of a group's attempt: the supervisor first, then a container for every step of the tasks that have still to
 * run. It is a pure function of the plan and what is known, so that a driver that takes over makes the same pod.
 */
export const podOf = (plan: Plan, attempt: Attempt, { agentImage }: { readonly agentImage: string }): PodParts => {
  const { group, known } = attempt;
  const { nodes } = groupOf(plan, group);
  const program = programOf(plan, attempt);
  const open = program.tasks.map(({ id }) => id);
  const shared = nodes.length > 1;
  const first = nodeOf(plan, nodes[0] ?? broken(`group ${group} is empty`));
  const { env: _env, volumes: _volumes, ...template } = first.podTemplate;
  const name = podNameOf(plan, group, attempt.attempt);
  const delivery = deliver(program, name);
  const annotations = annotationsOf(plan);
  const containers = containersOf(plan, group).filter(({ task }) => open.includes(task));
  const used = joinClaims({
    containers: [
      supervisorContainer(agentImage, delivery, first.podTemplate),
      ...containers.map((container) => stepContainer(plan, container, known(container.task), shared)),
    ],
    volumes: [
      ...supervisorVolumes(delivery),
      ...(shared ? [sharedMemory(open.length)] : []),
      ...workspaceVolumes(plan, open),
      ...open.flatMap((task) => taskVolumes(nodeOf(plan, task), known(task), shared)),
      ...templateVolumes(first),
    ],
  });
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: plan.namespace,
      labels: labelsOf(plan, group, attempt.attempt, attempt.runUid),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: {
      ...template,
      serviceAccountName: first.serviceAccountName,
      restartPolicy: 'Never',
      activeDeadlineSeconds: deadlineOf(plan, open),
      terminationGracePeriodSeconds: GRACE,
      containers: [...used.containers],
      volumes: [...used.volumes],
    },
  };
  return { pod, secrets: delivery.secrets, claims: claimsOf(plan, open), program, atOnce: tasksAtOnce(program.tasks) };
};

/**
 * Seconds after which the kubelet ends the pod whatever the agent and the driver do: 1.5 times the timeout, as in Tekton.
 * Tasks that share a pod may run one after another.
 */
const deadlineOf = (plan: Plan, tasks: readonly number[]): number => {
  const timeouts = tasks.map((task) => nodeOf(plan, task).timeout);
  const sum = timeouts.includes(0) ? Number.POSITIVE_INFINITY : timeouts.reduce((total, timeout) => total + timeout, 0);
  const run = plan.timeouts.pipeline === 0 ? Number.POSITIVE_INFINITY : plan.timeouts.pipeline;
  const seconds = Math.ceil((Math.min(sum, run) * 1.5) / 1000);
  return Math.max(1, Math.min(seconds, FOREVER));
};
