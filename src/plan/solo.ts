import { canonicalJson, type Json } from '../core/index.ts';
import { isSettled } from './complete.ts';
import type { PlanNode, PlanStep, PodPart } from './types.ts';

/** What one pod has once for all its containers, as a text to compare: service account and pod template. */
export const podKey = ({
  serviceAccountName,
  podTemplate,
}: Pick<PlanNode, 'serviceAccountName' | 'podTemplate'>): string =>
  canonicalJson({ serviceAccountName, podTemplate } as unknown as Json);

/** Why a task must have a pod of its own; empty = it may share one. */
export const soloReasons = (node: Omit<PlanNode, 'id'>): readonly string[] => [
  ...(node.retries > 0 ? ['retries: a retry is a new pod'] : []),
  ...lateParts(node).map((part) => `${part} waits for a result, and a pod's ${part} are fixed when it is created`),
  ...(node.steps.some(({ securityContext }) => securityContext?.privileged === true) ? ['a step is privileged'] : []),
  ...(node.steps.some(({ securityContext }) => reachesOut(securityContext)) ? [BEYOND] : []),
  ...(node.podTemplate.hostNetwork === true ? ["hostNetwork: it shares the node's ports"] : []),
  ...(volumesOf(node).some(({ hostPath }) => hostPath !== undefined) ? ['a hostPath volume'] : []),
  ...(readsItsPod(node) ? ['it reads fields of its pod (downward API)'] : []),
];

const BEYOND = 'a step may more than containers usually may (capabilities, /proc)';

/** What container runtimes give every container. https://github.com/containerd/containerd/blob/main/pkg/oci/spec.go */
const USUAL = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

/** With more than that a step could get out of its own mounts, and at the shim or the folders of its neighbours. */
const reachesOut = (context: PlanStep['securityContext']): boolean =>
  context !== undefined &&
  ((context.capabilities?.add ?? []).some((name) => !USUAL.has(name.toUpperCase().replace(/^CAP_/, ''))) ||
    context.procMount === 'Unmasked');

/** Names of the pod's parts in which a reference is left. */
const lateParts = (node: Omit<PlanNode, 'id'>): readonly string[] => {
  const parts = {
    images: node.steps.some(({ image }) => !isSettled(image)),
    volumes: node.volumes.some(isLate),
    volumeMounts: node.steps.some(({ volumeMounts }) => volumeMounts.some(isLate)),
    'env sources': node.steps.some(({ env }) => env.some((entry) => 'valueFrom' in entry && isLate(entry.valueFrom))),
    'workspace subPaths': node.workspaces.some(({ subPath }) => subPath !== undefined && !isSettled(subPath)),
  };
  return Object.entries(parts).flatMap(([name, late]) => (late ? [name] : []));
};

const isLate = (part: PodPart<unknown>): boolean => Object.values(part.at ?? {}).some((text) => !isSettled(text));

const volumesOf = (node: Omit<PlanNode, 'id'>) => [
  ...node.volumes.map(({ body }) => body),
  ...(node.podTemplate.volumes ?? []),
];

const readsItsPod = (node: Omit<PlanNode, 'id'>): boolean => {
  const inVolumes = volumesOf(node).some(
    ({ downwardAPI, projected }) =>
      downwardAPI !== undefined || projected?.sources?.some((source) => source.downwardAPI !== undefined),
  );
  const inEnv = node.steps.some(({ env }) =>
    env.some(
      (entry) =>
        'valueFrom' in entry &&
        (entry.valueFrom.body.fieldRef !== undefined || entry.valueFrom.body.resourceFieldRef !== undefined),
    ),
  );
  const inTemplate = node.podTemplate.env?.some(
    ({ valueFrom }) => valueFrom?.fieldRef !== undefined || valueFrom?.resourceFieldRef !== undefined,
  );
  return inVolumes || inEnv || inTemplate === true;
};
