/**
 * Faults of the cluster itself, for tests: a component is ended, paused or kept away, a container killed, the node drained.
 * Each function returns when the cluster is healthy again, also where the work meanwhile fails. Only for the harness' own
 * cluster, and for one caller at a time: everybody on it is hit.
 */
import { spawn } from 'node:child_process';
import { adminApi } from './api.ts';
import { componentsOf } from './components.ts';
import { writeConfig } from './config.ts';
import { untilHealthy } from './health.ts';
import { ensureStarted } from './launch.ts';
import { processOf, stop } from './processes.ts';
import { NODE, pathsOf, type Settings } from './settings.ts';
import { run } from './shell.ts';

export type Disturbed = 'kubelet' | 'containerd' | 'apiserver' | 'etcd';

/**
 * Ends a component (asked to, killed after two seconds), does some work while it is away, and starts it again. The result is
 * that of the work.
 */
export const without = async <T>(settings: Settings, name: Disturbed, work: () => Promise<T>): Promise<T> => {
  const config = writeConfig(settings)[name] ?? '';
  const api = adminApi(settings);
  const component = componentsOf(settings, api).find((one) => one.name === name);
  api.close();
  if (component === undefined) throw new Error(`no component ${name}`);
  await stop(settings, name, 2);
  return afterwards(work, async () => {
    // The time of a report has no fractions.
    const since = Math.floor(Date.now() / 1000) * 1000;
    const started = await ensureStarted(settings, component, config);
    await untilHealthy(settings, started && name === 'kubelet' ? since : 0);
  });
};

/** Does some work and then what must be done in any case. If both fail, the work's failure says more. */
const afterwards = async <T>(work: () => Promise<T>, mend: () => Promise<void>): Promise<T> => {
  const [done] = await Promise.allSettled([Promise.resolve().then(work)]);
  const [mended] = await Promise.allSettled([mend()]);
  if (done.status === 'rejected') throw done.reason;
  if (mended.status === 'rejected') throw mended.reason;
  return done.value;
};

/** Stops a component in its tracks while some work is done (SIGSTOP), two minutes at most, and lets it go on. */
export const paused = async <T>(settings: Settings, name: Disturbed, work: () => Promise<T>): Promise<T> => {
  const pid = processOf(settings, name)?.pid;
  if (pid === undefined) throw new Error(`${name} does not run`);
  // Whoever does this may be killed meanwhile: the cluster must not stay stopped.
  const guard = spawn('/bin/sh', ['-c', `sleep 120; kill -CONT ${pid}`], { detached: true, stdio: 'ignore' });
  guard.unref();
  process.kill(pid, 'SIGSTOP');
  return afterwards(work, async () => {
    process.kill(pid, 'SIGCONT');
    if (guard.pid !== undefined) process.kill(-guard.pid, 'SIGKILL');
    await untilHealthy(settings);
  });
};

/** Kills the first process of a container, and with it all others, from the node. `id` is that of the pod's status. */
export const killContainer = async (settings: Settings, id: string): Promise<void> => {
  const name = id.replace('containerd://', '');
  await run('ctr', [
    '--address',
    pathsOf(settings).socket,
    '--namespace',
    'k8s.io',
    'task',
    'kill',
    '-s',
    'SIGKILL',
    name,
  ]);
};

/** Lets no new pod onto the node while some work is done. */
export const cordoned = async <T>(settings: Settings, work: () => Promise<T>): Promise<T> => {
  const api = adminApi(settings);
  const cordon = async (unschedulable: boolean): Promise<void> => {
    const { status } = await api.call('PATCH', `/api/v1/nodes/${NODE}`, { spec: { unschedulable } });
    if (status !== 200) throw new Error(`the node cannot be changed: status ${status}`);
  };
  await cordon(true);
  return afterwards(work, async () => {
    await cordon(false);
    api.close();
    await untilHealthy(settings);
  });
};

/** Evicts a pod through the API, as a drain of its node does. https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
export const evict = async (settings: Settings, namespace: string, name: string): Promise<void> => {
  const api = adminApi(settings);
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const { status } = await api.call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
  api.close();
  if (status !== 201) throw new Error(`pod ${name} is not evicted: status ${status}`);
};
