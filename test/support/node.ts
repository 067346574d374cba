import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TestNamespace } from './namespace.ts';

/** A process of a pod, as the node sees it. Only the harness' own cluster has its node here. */
export interface PodProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** The processes of all containers of a pod, by the control groups that the kubelet puts them in. */
export const processesOf = async (podUid: string): Promise<readonly PodProcess[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid): Promise<PodProcess | undefined> => {
      const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
      if (!groups.includes(`/pod${podUid}/`)) return undefined;
      const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1);
      return { pid, argv };
    }),
  );
  return found.filter((one) => one !== undefined);
};

/** What a step says to wait for {@link letGo}. */
export const UNTIL_GO = 'until [ -e /tmp/go ]; do sleep 0.2; done';

/** Lets the steps of a pod go on that wait for it. */
export const letGo = async (podUid: string): Promise<void> => {
  for (const { pid } of await processesOf(podUid)) {
    // The agent's container has no /tmp.
    await writeFile(`/proc/${pid}/root/tmp/go`, '').catch(() => undefined);
  }
};

/** Whether the agent of a pod can see an annotation. */
export const annotationIsSeen = async (podUid: string, name: string): Promise<boolean> => {
  const agent = (await processesOf(podUid)).find(({ argv }) => argv[0] === '/supervisor');
  const file = `/proc/${agent?.pid}/root/waybill/downward/annotations`;
  return (await readFile(file, 'utf8').catch(() => '')).includes(name);
};

/**
 * Takes the network away from every pod of a namespace as soon as it has one, until `stop`: its interface is switched off
 * inside the pod, so that nothing else is touched and nothing is left behind.
 */
export const cutOffPods = (space: TestNamespace): { readonly stop: () => Promise<void> } => {
  const over = new AbortController();
  const done = new Set<string>();
  const cut = async (): Promise<void> => {
    while (!over.signal.aborted) {
      for (const { metadata, status } of await space.pods()) {
        if (done.has(metadata.uid) || status?.phase !== 'Running') continue;
        const [first] = await processesOf(metadata.uid);
        if (first === undefined) continue;
        const command = ['-t', String(first.pid), '-n', 'ip', 'link', 'set', 'eth0', 'down'];
        // One that has just ended needs no network.
        await promisify(execFile)('nsenter', command).catch(() => undefined);
        done.add(metadata.uid);
      }
      await sleep(200, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  const cutting = cut();
  return {
    stop: async () => {
      over.abort();
      await cutting;
    },
  };
};
