import { randomUUID } from 'node:crypto';
import { type Api, adminApi } from './api.ts';
import { componentsOf } from './components.ts';
import { waitReady } from './launch.ts';
import { NODE, type Settings } from './settings.ts';
import { until } from './shell.ts';

/** Whether the node is ready, and has said so since a time. One that was ready before its kubelet stopped still says so. */
export const isReadySince = (api: Api, since: number) => async (): Promise<boolean> => {
  const node = await api.get(`/api/v1/nodes/${NODE}`);
  const conditions = (node?.status?.conditions ?? []) as readonly Record<string, string>[];
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime ?? '') >= since;
};

/**
 * Waits until every component answers and does its work: a new namespace gets its service account, and a pod in it a node.
 * With `since` the node must have reported after that time.
 */
export const untilHealthy = async (settings: Settings, since = 0): Promise<void> => {
  const api = adminApi(settings);
  const name = `health-${randomUUID().slice(0, 8)}`;
  const namespace = `/api/v1/namespaces/${name}`;
  try {
    for (const component of componentsOf(settings, api)) await waitReady(settings, component);
    await until('the node is ready', isReadySince(api, since), { seconds: 60 });
    await api.ensure('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const account = async (): Promise<boolean> => (await api.get(`${namespace}/serviceaccounts/default`)) !== undefined;
    await until('the controllers work', account, { seconds: 60 });
    const container = { name: 'pause', image: 'registry.k8s.io/pause:3.10' };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [container] } };
    await api.ensure(`${namespace}/pods`, pod);
    const placed = async (): Promise<boolean> =>
      (await api.get(`${namespace}/pods/${name}`))?.spec?.nodeName !== undefined;
    await until('the scheduler works', placed, { seconds: 60 });
  } finally {
    await api.call('DELETE', namespace).catch(() => undefined);
    api.close();
  }
};
