import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './files.ts';

const ROOT = '/sys/fs/cgroup';

/** The cgroups that a kubelet makes for its pods: one per hierarchy on cgroup v1, one on v2; the deepest first. */
const pods = (): string[] => {
  if (!existsSync(ROOT)) return [];
  const tops = [ROOT, ...readdirSync(ROOT).map((name) => join(ROOT, name))]
    .map((folder) => join(folder, 'kubepods'))
    .filter((folder) => existsSync(folder));
  const below = (folder: string): string[] => [
    ...readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => below(join(folder, entry.name))),
    folder,
  ];
  return tops.flatMap(below);
};

/** The processes in the pods' cgroups. */
export const podProcesses = (): number[] => [
  ...new Set(
    pods().flatMap((folder) =>
      (readIfThere(join(folder, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number),
    ),
  ),
];

/** Removes the pods' cgroups; they must be empty of processes. */
export const removePodCgroups = (): void => {
  for (const folder of pods()) {
    try {
      rmdirSync(folder);
    } catch (error) {
      // A kernel may hold one for a moment after its last process; the next kubelet takes it over.
      if (!(error instanceof Error && 'code' in error && (error.code === 'EBUSY' || error.code === 'ENOENT')))
        throw error;
    }
  }
};
