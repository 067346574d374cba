import type { Container, Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import { WaybillError } from '../core/index.ts';
import { completeText, isMissing, type Known, type Plan, type PlanNode, roomForTexts } from '../plan/index.ts';
import { isAgentPath, isOwnVolumeName, pathOfMount } from '../tekton/index.ts';
import { AGENT, VOLUME } from './constants.ts';
import { environmentOf } from './environment.ts';
import { broken, nodeOf } from './lookup.ts';
import { type StepContainer, shortened } from './names.ts';
import { completePart } from './part.ts';
import { workspaceMounts } from './workspaces.ts';

/** Longest name of a volume: a DNS label. */
const LONGEST = 63;

/**
 * The container of one step. Its command is the shim; what it runs, and late environment, comes from the supervisor.
 * `shared`: other tasks have containers in the pod too.
 */
export const stepContainer = (
  plan: Plan,
  { container, task, step: index, socket }: StepContainer,
  given: Known,
  shared: boolean,
): Container => {
  const known = { ...given, room: roomForTexts() };
  const node = nodeOf(plan, task);
  const step = node.steps[index] ?? broken(`task "${node.name}" has no step ${index}`);
  const image = completeText(step.image, known);
  const workspaces = workspaceMounts(plan, task, known);
  const names = new Set(node.volumes.map((part) => completePart(part, known).name));
  const others = [...workspaces, ...templateVolumes(node)].map(({ name }) => name);
  const own = step.volumeMounts.map((part): VolumeMount => {
    const mount = completePart(part, known);
    if (names.has(mount.name)) return { ...mount, name: volumeNameOf(node, mount.name, shared) };
    if (!others.includes(mount.name)) throw notMountable(container, mount.name);
    return mount;
  });
  return {
    name: container,
    image: isMissing(image) ? broken(`the image of step "${step.name}" waits for its own pod`) : image,
    ...(step.imagePullPolicy === undefined ? {} : { imagePullPolicy: step.imagePullPolicy }),
    command: [...AGENT.shim],
    env: [...environmentOf(step, node.podTemplate, known).settled],
    ...(step.computeResources === undefined ? {} : { resources: step.computeResources }),
    ...(step.securityContext === undefined ? {} : { securityContext: step.securityContext }),
    volumeMounts: withImplicit([...own, ...workspaces], { container, task, step: index, socket }, step.name, shared),
  };
};

/**
 * A step mounts volumes of its task, of the task's workspaces and of the pod template. A name that only a result told could be
 * one of ours: the shim that other steps run, or everybody's folders.
 */
const notMountable = (container: string, name: string): WaybillError =>
  new WaybillError('Unsupported', `container ${container}: its task has no volume "${name}"`);

/**
 * What kubelet and container runtime give all containers of a pod together, writable: each task has its own instead. The
 * supervisor copies its own `hosts` and `resolv.conf`.
 */
const unshared = (task: number): readonly VolumeMount[] => [
  { name: VOLUME.shm, mountPath: '/dev/shm', subPath: `t${task}` },
  { name: VOLUME.tasks, mountPath: '/etc/hosts', subPath: `t${task}/etc/hosts` },
  { name: VOLUME.tasks, mountPath: '/etc/resolv.conf', subPath: `t${task}/etc/resolv.conf` },
];

/**
 * What stands at /dev/shm where tasks share a pod: a folder of it for each. The runtime's own has 64 MiB. Pages count for the
 * container that writes them.
 */
export const sharedMemory = (tasks: number): Volume => ({
  name: VOLUME.shm,
  emptyDir: { medium: 'Memory', sizeLimit: `${64 * tasks}Mi` },
});

/** A task's own volumes, under the names that they have in the pod. */
export const taskVolumes = (node: PlanNode, known: Known, shared: boolean): readonly Volume[] => {
  const within = { ...known, room: roomForTexts() };
  return node.volumes.map((part) => {
    const volume = completePart(part, within);
    return { ...volume, name: volumeNameOf(node, volume.name, shared) };
  });
};

/** The volumes of a pod template. One with a name of ours is refused, whatever let it through: a step could mount ours by it. */
export const templateVolumes = ({ podTemplate: { volumes = [] } }: PlanNode): readonly Volume[] => {
  const own = volumes.find(({ name }) => isOwnVolumeName(name));
  if (own === undefined) return volumes;
  throw new WaybillError(
    'Unsupported',
    `the volume "${own.name}" of the pod template has a name of Waybill's own volumes`,
  );
};

/** Names of a task's own volumes are kept, but where tasks share a pod or the name is one of ours. */
const volumeNameOf = (node: PlanNode, name: string, shared: boolean): string => {
  if (!shared && !isOwnVolumeName(name)) return name;
  const prefixed = `t${node.id}-${name}`;
  return prefixed.length <= LONGEST ? prefixed : shortened(prefixed, prefixed);
};

/**
 * Adds what Tekton gives every step; an implicit mount is left out where something is mounted at its path. What is not the
 * step's own is read-only: the shim, its socket (connecting needs no write), and what other steps of the task left.
 */
const withImplicit = (
  mounts: readonly VolumeMount[],
  { container, task, step, socket }: StepContainer,
  stepName: string,
  shared: boolean,
): VolumeMount[] => {
  const taken = new Set(mounts.map(({ mountPath }) => pathOfMount(mountPath)));
  if ([...taken].some(isAgentPath)) {
    throw new WaybillError('Unsupported', `container ${container}: nothing may be mounted at / or in /waybill`, {
      hint: 'choose another mountPath: the agent lives in /waybill',
    });
  }
  const steps = [
    { path: '/tekton/steps', part: 'steps', readOnly: true },
    { path: `/tekton/steps/step-${stepName}`, part: `steps/step-${stepName}`, readOnly: false },
  ];
  const implicit = [
    { path: '/workspace', part: 'workspace', readOnly: false },
    { path: '/tekton/home', part: 'home', readOnly: false },
    { path: '/tekton/results', part: 'results', readOnly: false },
    ...(taken.has('/tekton/steps') ? [] : steps),
    { path: '/tekton/scripts', part: `scripts/${step}`, readOnly: false },
  ].filter(({ path }) => !taken.has(path));
  return [
    { name: VOLUME.bin, mountPath: '/waybill/bin', readOnly: true },
    { name: VOLUME.run, mountPath: '/waybill/run', subPath: `s${socket}`, readOnly: true },
    ...implicit.map(({ path, part, readOnly }) => ({
      name: VOLUME.tasks,
      mountPath: path,
      subPath: `t${task}/${part}`,
      ...(readOnly ? { readOnly } : {}),
    })),
    ...(shared ? unshared(task).filter(({ mountPath }) => !taken.has(mountPath)) : []),
    ...mounts,
  ];
};
