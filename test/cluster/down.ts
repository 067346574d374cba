import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { adminApi } from './api.ts';
import { podProcesses, removePodCgroups } from './cgroups.ts';
import { componentsOf } from './components.ts';
import { readIfThere } from './files.ts';
import { locked } from './lock.ts';
import { mountsBelow, unmountBelow } from './mounts.ts';
import { isTouched, removeNetwork } from './network.ts';
import { killAll, owned, stop } from './processes.ts';
import { say } from './say.ts';
import { NETWORK, pathsOf, type Settings } from './settings.ts';
import { until } from './shell.ts';

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** Sockets of container shims lie outside of our folder; each bundle of containerd's state says which is its. */
const shimSockets = (settings: Settings): string[] => {
  const tasks = join(pathsOf(settings).containerd, 'state', 'io.containerd.runtime.v2.task', 'k8s.io');
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks).flatMap((id) => {
    const address = readIfThere(join(tasks, id, 'address'))?.trim();
    return address?.startsWith('unix:///run/containerd/s/') ? [address.slice('unix://'.length)] : [];
  });
};

/** Files that CNI and the kubelet write to places of their own choice. */
const removeStrays = (settings: Settings): void => {
  const results = '/var/lib/cni/results';
  for (const name of existsSync(results) ? readdirSync(results) : []) {
    if (name.startsWith(`${NETWORK}-`)) rmSync(join(results, name));
  }
  const links = '/var/log/containers';
  for (const entry of existsSync(links) ? readdirSync(links, { withFileTypes: true }) : []) {
    const path = join(links, entry.name);
    if (entry.isSymbolicLink() && readlinkSync(path).startsWith(`${settings.dir}/`)) rmSync(path);
  }
};

/** Ends everything that runs: processes, pods, mounts, network. What remains is files. */
const stopAll = async (settings: Settings): Promise<void> => {
  const paths = pathsOf(settings);
  const api = adminApi(settings);
  const names = [
    'provisioner',
    ...componentsOf(settings, api)
      .map(({ name }) => name)
      .reverse(),
  ];
  const last = ['apiserver', 'etcd', 'containerd', 'registry-auth', 'registry'];
  const ours = owned().some(({ dir }) => dir === settings.dir);
  if (ours) say('stopping the cluster');
  const sockets = shimSockets(settings);
  await Promise.all(names.filter((name) => !last.includes(name)).map((name) => stop(settings, name)));
  // The kubelet is gone, so nothing starts a container again. Pods are killed by their cgroups: this needs no containerd.
  const touched = isTouched(settings);
  if (touched) await killAll('the pods', podProcesses);
  await Promise.all(last.filter((name) => name !== 'etcd').map((name) => stop(settings, name)));
  await stop(settings, 'etcd');
  await killAll('container shims', () => owned().flatMap(({ pid, dir }) => (dir === settings.dir ? [pid] : [])));
  await unmountBelow(settings.dir);
  await removeNetwork(settings);
  if (touched) removePodCgroups();
  for (const socket of sockets) rmSync(socket, { force: true });
  removeStrays(settings);
  const left = mountsBelow(settings.dir);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
  // What containerd and CNI know of running containers is no longer true, as after a reboot.
  for (const folder of [`${paths.containerd}/state`, `${paths.containerd}/runc`, `${paths.cni}/networks`]) {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const port of Object.values(settings.ports)) {
    await until(`port ${port} is free`, async () => !(await listens(port)), { seconds: 10 });
  }
};

/**
 * Deletes the cluster's state, all but the binaries. Refuses where a mount is left below the folder, since deleting would
 * reach through it, and where the folder is not a cluster's.
 */
export const purge = (settings: Settings): void => {
  if (!existsSync(settings.dir)) return;
  if (!existsSync(pathsOf(settings).marker))
    throw new Error(`${settings.dir} is no folder of a test cluster: not deleted`);
  const mounts = mountsBelow(settings.dir);
  if (mounts.length > 0)
    throw new Error(`below ${settings.dir} is still mounted, so nothing is deleted: ${mounts.join(', ')}`);
  const names = readdirSync(settings.dir).filter((name) => !['bin', '.waybill-cluster'].includes(name));
  for (const name of names) rmSync(join(settings.dir, name), { recursive: true, force: true });
  rmSync(pathsOf(settings).marker); // last: a purge that was killed can be repeated
};

/** Stops the cluster; with `all` its state is deleted too. Stopping what does not run is no error. */
export const down = (settings: Settings, { all }: { readonly all: boolean }): Promise<void> =>
  locked(async () => {
    await stopAll(settings);
    if (all) purge(settings);
    say(all ? 'down; the state is deleted, the binaries are kept' : 'down; the state is kept');
  });
