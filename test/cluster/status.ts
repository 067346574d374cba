import { existsSync } from 'node:fs';
import { adminApi } from './api.ts';
import { componentsOf } from './components.ts';
import { processOf } from './processes.ts';
import { pathsOf, type Settings } from './settings.ts';

export interface ComponentStatus {
  readonly name: string;
  readonly state: 'up' | 'down' | 'not ready';
  readonly pid: number | undefined;
}

/** What each component does: runs and answers, runs, or does not run. */
export const status = async (settings: Settings): Promise<readonly ComponentStatus[]> => {
  const api = adminApi(settings);
  try {
    const known = existsSync(pathsOf(settings).pki);
    const all = [
      ...componentsOf(settings, api).map(({ name, ready }) => ({ name, ready })),
      { name: 'provisioner', ready: async () => true },
    ];
    return await Promise.all(
      all.map(async ({ name, ready }): Promise<ComponentStatus> => {
        const pid = processOf(settings, name)?.pid;
        if (pid === undefined || !known) return { name, state: 'down', pid };
        return { name, state: (await ready().catch(() => false)) ? 'up' : 'not ready', pid };
      }),
    );
  } finally {
    api.close();
  }
};
