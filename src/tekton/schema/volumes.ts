import { z } from 'zod';
import { claimTemplate } from './kubernetes.ts';
import { fields, flag, name, numberOrText, open, text, textMap, whole } from './values.ts';

const items = z.array(fields({ key: text, path: text, mode: whole.optional() }));
const localRef = fields({ name: text.optional() });
const downwardItems = z.array(
  fields({
    path: text,
    mode: whole.optional(),
    fieldRef: fields({ apiVersion: text.optional(), fieldPath: text }).optional(),
    resourceFieldRef: fields({
      containerName: text.optional(),
      divisor: numberOrText.optional(),
      resource: text,
    }).optional(),
  }),
);
const projectedRef = fields({ name: text.optional(), optional: flag.optional(), items: items.optional() });

/** Sources that a workspace of a run shares with volumes. */
export const emptyDir = fields({ medium: text.optional(), sizeLimit: numberOrText.optional() });
export const configMap = fields({
  name: text.optional(),
  optional: flag.optional(),
  defaultMode: whole.optional(),
  items: items.optional(),
});
export const secret = fields({
  secretName: text.optional(),
  optional: flag.optional(),
  defaultMode: whole.optional(),
  items: items.optional(),
});
export const persistentVolumeClaim = fields({ claimName: name, readOnly: flag.optional() });
export const projected = fields({
  defaultMode: whole.optional(),
  sources: z
    .array(
      fields({
        configMap: projectedRef.optional(),
        secret: projectedRef.optional(),
        downwardAPI: fields({ items: downwardItems.optional() }).optional(),
        serviceAccountToken: fields({
          audience: text.optional(),
          expirationSeconds: whole.optional(),
          path: text,
        }).optional(),
        clusterTrustBundle: open.optional(),
        podCertificate: open.optional(),
      }),
    )
    .optional(),
});
export const csi = fields({
  driver: name,
  fsType: text.optional(),
  readOnly: flag.optional(),
  nodePublishSecretRef: localRef.optional(),
  volumeAttributes: textMap.optional(),
});

/**
 * Volumes of a pod: the sources that people use field by field, the vendors' ones by name alone.
 * https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
 */
export const volumes = z.array(
  fields({
    name,
    emptyDir: emptyDir.optional(),
    configMap: configMap.optional(),
    secret: secret.optional(),
    persistentVolumeClaim: persistentVolumeClaim.optional(),
    projected: projected.optional(),
    csi: csi.optional(),
    downwardAPI: fields({ defaultMode: whole.optional(), items: downwardItems.optional() }).optional(),
    hostPath: fields({ path: name, type: text.optional() }).optional(),
    ephemeral: fields({ volumeClaimTemplate: claimTemplate.optional() }).optional(),
    image: fields({ reference: text.optional(), pullPolicy: text.optional() }).optional(),
    nfs: fields({ server: text, path: text, readOnly: flag.optional() }).optional(),
    iscsi: open.optional(),
    fc: open.optional(),
    awsElasticBlockStore: open.optional(),
    azureDisk: open.optional(),
    azureFile: open.optional(),
    cephfs: open.optional(),
    cinder: open.optional(),
    flexVolume: open.optional(),
    flocker: open.optional(),
    gcePersistentDisk: open.optional(),
    gitRepo: open.optional(),
    glusterfs: open.optional(),
    photonPersistentDisk: open.optional(),
    portworxVolume: open.optional(),
    quobyte: open.optional(),
    rbd: open.optional(),
    scaleIO: open.optional(),
    storageos: open.optional(),
    vsphereVolume: open.optional(),
  }),
);
