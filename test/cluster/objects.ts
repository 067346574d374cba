import type { Api } from './api.ts';

/** The name that claims of the default class carry, and that their volumes say they are from. */
export const PROVISIONER = 'waybill.dev/hostpath';

/** Gives the cluster its default StorageClass; all else that it needs, it makes itself. */
export const ensureObjects = async (api: Api): Promise<void> => {
  await api.ensure('/apis/storage.k8s.io/v1/storageclasses', {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'hostpath', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: PROVISIONER,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  });
};
