import type { ContainerStateTerminated, Pod } from 'kubernetes-types/core/v1.d.ts';

/** How a container ended; undefined while it has not. */
export const terminated = ({ status }: Pod, container: string): ContainerStateTerminated | undefined =>
  status?.containerStatuses?.find(({ name }) => name === container)?.state?.terminated;
