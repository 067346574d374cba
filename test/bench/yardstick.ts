import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { type KubeClient, watch } from '../../src/kube/index.ts';

/** The image of all steps and of the yardstick. It must be there, or be pulled by the first round, which does not count. */
export const IMAGE = 'docker.io/library/busybox:1.36';

/** What everything is compared with: the least that Kubernetes can run to its end. */
const yardstick = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { bench: name } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: IMAGE, command: ['true'] }] },
});

/** Milliseconds from the pod's POST to the watch event that says `Succeeded`. Throws where the pod fails. */
export const measureYardstick = async (client: KubeClient, name: string): Promise<number> => {
  const over = new AbortController();
  let start = 0;
  try {
    for await (const change of watch(client, 'pods', { labelSelector: `bench=${name}`, signal: over.signal })) {
      if (change.type === 'synced') {
        start = performance.now();
        await client.create('pods', yardstick(name));
        continue;
      }
      const { phase, message } = change.object.status ?? {};
      if (phase === 'Succeeded') return performance.now() - start;
      if (phase === 'Failed') throw new Error(`the yardstick failed: ${message ?? ''}`);
    }
    throw new Error('the watch of the yardstick ended');
  } finally {
    over.abort();
  }
};
