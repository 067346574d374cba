/**
 * The dynamic provisioner of the default StorageClass, a process of the harness: for every claim of the class a folder and
 * a PersistentVolume on it; for every released volume neither. It does what Kubernetes asks of an external provisioner:
 * https://github.com/kubernetes/design-proposals-archive/blob/main/storage/volume-provisioning.md
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Api, adminApi, type KubeObject } from './api.ts';
import { PROVISIONER } from './objects.ts';
import { pathsOf, settingsFrom } from './settings.ts';

const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';

/** The volume for a claim that waits for us, or undefined for every other claim. */
export const volumeFor = ({ metadata, spec }: KubeObject, folder: string): Record<string, unknown> | undefined => {
  const asked = metadata.annotations?.['volume.kubernetes.io/storage-provisioner'];
  if (asked !== PROVISIONER || spec?.volumeName || metadata.deletionTimestamp) return undefined;
  const name = `pvc-${metadata.uid}`;
  const resources = spec?.resources as { requests?: { storage?: string } } | undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      storageClassName: spec?.storageClassName,
      accessModes: spec?.accessModes,
      capacity: { storage: resources?.requests?.storage ?? '1Gi' },
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      },
      hostPath: { path: join(folder, name), type: 'Directory' },
    },
  };
};

/** Whether a volume is ours and its claim is gone. */
export const isReleased = ({ metadata, spec, status }: KubeObject): boolean =>
  metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === PROVISIONER &&
  /^pvc-[0-9a-f-]{36}$/.test(metadata.name) &&
  spec?.persistentVolumeReclaimPolicy === 'Delete' &&
  status?.phase === 'Released';

/** Compares what is with what is asked for, whatever was missed before. */
const reconcile = async (api: Api, folder: string): Promise<void> => {
  for (const claim of await api.list(CLAIMS)) {
    const volume = volumeFor(claim, folder);
    if (volume === undefined) continue;
    const path = join(folder, `pvc-${claim.metadata.uid}`);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777); // whatever user a step has: a hostPath knows no fsGroup
    await api.ensure(VOLUMES, volume);
  }
  for (const volume of await api.list(VOLUMES)) {
    if (!isReleased(volume)) continue;
    rmSync(join(folder, volume.metadata.name), { recursive: true, force: true });
    await api.call('DELETE', `${VOLUMES}/${volume.metadata.name}`);
  }
};

const main = async (): Promise<never> => {
  const settings = settingsFrom(process.env);
  const folder = pathsOf(settings).volumes;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const api = adminApi(settings);
  const say = (error: unknown): void => console.error(new Date().toISOString(), error);
  let wake = (): void => {};
  for (const path of [CLAIMS, VOLUMES]) {
    void (async () => {
      for (;;) {
        // Without a resource version: the state of now comes first, as events, so a new watch misses nothing.
        await api.watch(`${path}?watch=true&timeoutSeconds=300`, () => wake(), new AbortController().signal).catch(say);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    })();
  }
  for (;;) {
    // Set before the lists are read: an event during them leads to another round.
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await reconcile(api, folder).catch(say);
    await Promise.race([woken, new Promise((resolve) => setTimeout(resolve, 10_000))]);
  }
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
