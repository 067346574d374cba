import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { adminApi } from './api.ts';
import { type Component, componentsOf } from './components.ts';
import { writeConfig } from './config.ts';
import { writeAtomic } from './files.ts';
import { isReadySince } from './health.ts';
import { ensureImages, type Images } from './images.ts';
import { ensureStarted, provisioner, waitReady } from './launch.ts';
import { locked } from './lock.ts';
import { ensureNetwork } from './network.ts';
import { ensureObjects } from './objects.ts';
import { ensureBinaries, ensurePackages } from './packages.ts';
import { ensurePki } from './pki.ts';
import { owned, processOf, running, stop, tailOf } from './processes.ts';
import { say } from './say.ts';
import { NODE, pathsOf, type Settings } from './settings.ts';
import { until } from './shell.ts';

const REGISTRIES = ['registry', 'registry-auth'];

/** Fails where something runs on this machine that a second cluster would fight with. */
const assertAlone = (settings: Settings): void => {
  const other = owned().find(({ dir }) => dir !== settings.dir);
  if (other) {
    throw new Error(
      `another test cluster runs on this machine, in ${other.dir}: use it (WAYBILL_CLUSTER_DIR=${other.dir}), or end it with "down"`,
    );
  }
  const known = new Set(owned().map(({ pid }) => pid));
  const foreign = running('kubelet').find((pid) => !known.has(pid));
  if (foreign)
    throw new Error(`a kubelet runs on this machine already (pid ${foreign}): set KUBECONFIG to use its cluster`);
};

/** What a client of the cluster needs to know. */
export interface Cluster {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** HOST:PORT of the registry of the cluster's images: plain HTTP, no password; pods pull from it under any host name. */
  readonly registry: string;
  /** HOST:PORT of the registry that asks for a password. */
  readonly registryAuth: string;
  /** The agent's image by digest, or undefined where the clone has no agent. */
  readonly agentImage: string | undefined;
}

const assertMachine = (): void => {
  if (process.platform !== 'linux')
    throw new Error('the test cluster runs on Linux only: set KUBECONFIG to use another');
  if (process.getuid?.() !== 0) throw new Error('the test cluster needs root: set KUBECONFIG to use another cluster');
};

const prepare = async (settings: Settings): Promise<Readonly<Record<string, string>>> => {
  const paths = pathsOf(settings);
  if (!existsSync(paths.marker)) {
    mkdirSync(settings.dir, { recursive: true });
    if (readdirSync(settings.dir).some((name) => name !== 'bin')) {
      throw new Error(`${settings.dir} holds something else: give an empty folder by WAYBILL_CLUSTER_DIR`);
    }
    writeAtomic(
      paths.marker,
      'The state of a Waybill test cluster. "npm run cluster down -- --purge" deletes this folder.\n',
    );
  }
  return writeConfig(settings);
};

const info = (settings: Settings, images: Partial<Images>): Cluster => ({
  kubeconfig: pathsOf(settings).kubeconfig,
  registry: `127.0.0.1:${settings.ports.registry}`,
  registryAuth: `127.0.0.1:${settings.ports.registryAuth}`,
  agentImage: images.agent,
});

/** Brings up the two registries alone: what tests against another cluster, or none, need. */
export const upRegistries = (settings: Settings): Promise<Cluster> =>
  locked(async () => {
    assertMachine();
    await ensurePackages();
    const config = await prepare(settings);
    const api = adminApi(settings);
    for (const component of componentsOf(settings, api)) {
      if (!REGISTRIES.includes(component.name)) continue;
      await ensureStarted(settings, component, config[component.name] ?? '');
      await waitReady(settings, component);
    }
    return info(settings, {});
  });

/**
 * Brings the cluster up, or what of it is down; returns when the node is ready and pods can be created. May be called at
 * any time, also after an `up` that was killed at any point.
 */
export const up = (settings: Settings): Promise<Cluster> =>
  locked(async () => {
    assertMachine();
    assertAlone(settings);
    await ensurePackages();
    await ensureBinaries(settings);
    const config = await prepare(settings);
    await ensurePki(settings);
    await ensureNetwork(settings);

    const api = adminApi(settings);
    try {
      const since = Math.floor(Date.now() / 1000) * 1000;
      const fresh: string[] = [];
      const launch = async (component: Component, text: string): Promise<void> => {
        if (await ensureStarted(settings, component, text)) fresh.push(component.name);
      };
      const all = componentsOf(settings, api);
      const first = all.slice(0, all.findIndex(({ name }) => name === 'apiserver') + 1);
      const byName = (name: string): Component => all.find((component) => component.name === name) as Component;
      for (const component of first) {
        if (component.name === 'apiserver') await waitReady(settings, byName('etcd')); // which it does not wait for
        await launch(component, config[component.name] ?? '');
      }
      await waitReady(settings, byName('registry'));
      const rest = async (): Promise<void> => {
        for (const component of first) await waitReady(settings, component);
        await ensureObjects(api);
        // Clients of an API server that was away for a while come back after up to a minute: new ones are there at once.
        const clients = [...all.slice(first.length).map(({ name }) => name), 'provisioner'];
        if (fresh.includes('apiserver')) await Promise.all(clients.map((name) => stop(settings, name)));
        for (const component of all.slice(first.length)) await launch(component, config[component.name] ?? '');
        const { component, config: text } = provisioner(settings);
        await launch(component, text);
        for (const started of all.slice(first.length)) await waitReady(settings, started);
      };
      // Both to their end, also where one fails: an agent that does not compile leaves a cluster that runs.
      const [images, started] = await Promise.allSettled([ensureImages(settings), rest()]);
      if (started.status === 'rejected') throw started.reason;
      await until(`node ${NODE} is ready`, isReadySince(api, fresh.includes('kubelet') ? since : 0), {
        seconds: 90,
        lost: () => (processOf(settings, 'kubelet') ? undefined : 'the kubelet has ended'),
      }).catch((cause: Error) => {
        throw new Error(`${cause.message}; the end of the kubelet's log:\n${tailOf(settings, 'kubelet')}`);
      });
      const account = async (): Promise<boolean> =>
        (await api.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined;
      await until('the default service account is there', account, { seconds: 60 });
      if (images.status === 'rejected') throw images.reason;
      say(fresh.length > 0 ? `up; started ${fresh.join(', ')}` : 'up; all of it ran already');
      return info(settings, images.value);
    } finally {
      api.close();
    }
  });
