import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Component, commandOf } from './components.ts';
import { logOf, processOf, start, stop, tailOf } from './processes.ts';
import { say } from './say.ts';
import type { Settings } from './settings.ts';
import { until } from './shell.ts';

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0' }, () => server.close(() => resolve(true)));
  });

/**
 * Starts a component unless the process that was recorded for it lives and was started with the same command. Returns
 * whether it did. Throws where one of its ports is taken.
 */
export const ensureStarted = async (settings: Settings, component: Component, config: string): Promise<boolean> => {
  const command = commandOf(component, config);
  const running = processOf(settings, component.name);
  if (running?.hash === command.hash) return false;
  if (running) say(`${component.name} runs with another configuration: starting it anew`);
  await stop(settings, component.name);
  for (const name of component.ports) {
    const port = settings.ports[name];
    await until(`port ${port} is free`, () => isFree(port), { seconds: 5 }).catch((cause) => {
      const hint = 'end the program that listens on it, or choose other ports with WAYBILL_CLUSTER_PORT';
      throw new Error(`${component.name} needs port ${port}, which is taken: ${hint}`, { cause });
    });
  }
  await start(settings, command);
  return true;
};

/** Waits until a component answers; throws with the end of its log where it does not, at once where it has ended. */
export const waitReady = (settings: Settings, { name, ready }: Component): Promise<void> =>
  until(`${name} answers`, ready, {
    seconds: 60,
    lost: () => (processOf(settings, name) ? undefined : `${name} has ended`),
  }).catch((cause: Error) => {
    throw new Error(`${cause.message}; the end of ${logOf(settings, name)}:\n${tailOf(settings, name)}`);
  });

/** The provisioner belongs to this clone, so its path is no part of the hash: two clones with the same code share it. */
export const provisioner = (settings: Settings): { component: Component; config: string } => {
  const files = ['provisioner.ts', 'api.ts', 'objects.ts', 'settings.ts', 'files.ts'];
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(import.meta.dirname, file)));
  return {
    config: hash.digest('hex'),
    component: {
      name: 'provisioner',
      argv: [
        '/usr/bin/env',
        `WAYBILL_CLUSTER_DIR=${settings.dir}`,
        `WAYBILL_CLUSTER_PORT=${settings.ports.apiserver}`,
        process.execPath,
        '--conditions=@waybill/source',
        join(import.meta.dirname, 'provisioner.ts'),
      ],
      ports: [],
      ready: async () => true,
    },
  };
};
