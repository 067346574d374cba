import type { Container, Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';

export interface VolumesInUse {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
}

/**
 * Gives every claim one volume: a kubelet waits for ever to mount a claim that stands in a pod twice. What was read-only
 * stays so, by its mounts. Tekton does the same for workspaces.
 * https://github.com/kubernetes/kubernetes/issues/28502
 */
export const joinClaims = ({ containers, volumes }: VolumesInUse): VolumesInUse => {
  const groups = Map.groupBy(
    volumes.filter(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined),
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName,
  );
  const joined = [...groups.values()].filter((group) => group.length > 1);
  if (joined.length === 0) return { containers, volumes };
  const firstOf = new Map(joined.flatMap((group) => group.map((volume) => [volume.name, group[0] as Volume] as const)));
  const readOnly = new Set(
    joined.flatMap((group) =>
      group.filter(({ persistentVolumeClaim }) => persistentVolumeClaim?.readOnly).map(({ name }) => name),
    ),
  );
  const mount = (mounted: VolumeMount): VolumeMount => {
    const first = firstOf.get(mounted.name);
    if (first === undefined) return mounted;
    return { ...mounted, name: first.name, ...(readOnly.has(mounted.name) ? { readOnly: true } : {}) };
  };
  return {
    containers: containers.map((container) => ({
      ...container,
      ...(container.volumeMounts === undefined ? {} : { volumeMounts: container.volumeMounts.map(mount) }),
    })),
    volumes: volumes.flatMap((volume) => {
      const first = firstOf.get(volume.name);
      if (first === undefined) return [volume];
      if (first !== volume) return [];
      const claimName = volume.persistentVolumeClaim?.claimName ?? '';
      return [{ name: volume.name, persistentVolumeClaim: { claimName } }];
    }),
  };
};
