import { z } from 'zod';
import { fields, flag, name, numberOrText, open, text, textMap, texts, whole } from './values.ts';

/** Kubernetes' types as far as Tekton's API embeds them: https://kubernetes.io/docs/reference/kubernetes-api/ */

const keyRef = fields({ key: text, name: text.optional(), optional: flag.optional() });
const fieldRef = fields({ apiVersion: text.optional(), fieldPath: text });
const resourceFieldRef = fields({ containerName: text.optional(), divisor: numberOrText.optional(), resource: text });

export const env = z.array(
  fields({
    name,
    value: text.optional(),
    valueFrom: fields({
      configMapKeyRef: keyRef.optional(),
      secretKeyRef: keyRef.optional(),
      fieldRef: fieldRef.optional(),
      resourceFieldRef: resourceFieldRef.optional(),
      fileKeyRef: fields({ key: text, path: text, volumeName: text, optional: flag.optional() }).optional(),
    }).optional(),
  }),
);

const sourceRef = fields({ name: text.optional(), optional: flag.optional() });

export const envFrom = z.array(
  fields({ prefix: text.optional(), configMapRef: sourceRef.optional(), secretRef: sourceRef.optional() }),
);

export const volumeMounts = z.array(
  fields({
    name,
    mountPath: name,
    mountPropagation: text.optional(),
    readOnly: flag.optional(),
    recursiveReadOnly: text.optional(),
    subPath: text.optional(),
    subPathExpr: text.optional(),
  }),
);

export const volumeDevices = z.array(fields({ name, devicePath: name }));

export const resources = fields({
  limits: z.record(text, numberOrText).optional(),
  requests: z.record(text, numberOrText).optional(),
  claims: z.array(fields({ name, request: text.optional() })).optional(),
});

const profile = fields({ type: text, localhostProfile: text.optional() });
const seLinuxOptions = fields({
  level: text.optional(),
  role: text.optional(),
  type: text.optional(),
  user: text.optional(),
});
const windowsOptions = fields({
  gmsaCredentialSpec: text.optional(),
  gmsaCredentialSpecName: text.optional(),
  hostProcess: flag.optional(),
  runAsUserName: text.optional(),
});

/** What containers and pods have in common. */
const securityShape = {
  appArmorProfile: profile.optional(),
  runAsGroup: whole.optional(),
  runAsNonRoot: flag.optional(),
  runAsUser: whole.optional(),
  seLinuxOptions: seLinuxOptions.optional(),
  seccompProfile: profile.optional(),
  windowsOptions: windowsOptions.optional(),
};

export const securityContext = fields({
  ...securityShape,
  allowPrivilegeEscalation: flag.optional(),
  capabilities: fields({ add: texts.optional(), drop: texts.optional() }).optional(),
  privileged: flag.optional(),
  procMount: text.optional(),
  readOnlyRootFilesystem: flag.optional(),
});

const podSecurityContext = fields({
  ...securityShape,
  fsGroup: whole.optional(),
  fsGroupChangePolicy: text.optional(),
  seLinuxChangePolicy: text.optional(),
  supplementalGroups: z.array(whole).optional(),
  supplementalGroupsPolicy: text.optional(),
  sysctls: z.array(fields({ name, value: text })).optional(),
});

export const metadata = fields({
  name: text.optional(),
  generateName: text.optional(),
  namespace: text.optional(),
  labels: textMap.optional(),
  annotations: textMap.optional(),
  finalizers: texts.optional(),
  ownerReferences: z.array(open).optional(),
  uid: text.optional(),
  resourceVersion: text.optional(),
  generation: whole.optional(),
  creationTimestamp: text.optional(),
  deletionTimestamp: text.optional(),
  deletionGracePeriodSeconds: whole.optional(),
  selfLink: text.optional(),
  managedFields: z.array(open).optional(),
});

/** A claim template: its spec is Kubernetes' own business, as in Tekton's schema. */
export const claimTemplate = fields({
  apiVersion: text.optional(),
  kind: text.optional(),
  metadata: metadata.optional(),
  spec: open,
  status: open.optional(),
});

const labelSelector = fields({
  matchLabels: textMap.optional(),
  matchExpressions: z.array(fields({ key: text, operator: text, values: texts.optional() })).optional(),
});

/** The parts of a pod template beside its volumes. */
export const podShape = {
  affinity: open.optional(),
  automountServiceAccountToken: flag.optional(),
  dnsConfig: fields({
    nameservers: texts.optional(),
    options: z.array(fields({ name: text.optional(), value: text.optional() })).optional(),
    searches: texts.optional(),
  }).optional(),
  dnsPolicy: text.optional(),
  enableServiceLinks: flag.optional(),
  env: env.optional(),
  hostAliases: z.array(fields({ ip: text, hostnames: texts.optional() })).optional(),
  hostNetwork: flag.optional(),
  hostUsers: flag.optional(),
  imagePullSecrets: z.array(fields({ name: text.optional() })).optional(),
  nodeSelector: textMap.optional(),
  priorityClassName: text.optional(),
  runtimeClassName: text.optional(),
  schedulerName: text.optional(),
  securityContext: podSecurityContext.optional(),
  tolerations: z
    .array(
      fields({
        effect: text.optional(),
        key: text.optional(),
        operator: text.optional(),
        tolerationSeconds: whole.optional(),
        value: text.optional(),
      }),
    )
    .optional(),
  topologySpreadConstraints: z
    .array(
      fields({
        labelSelector: labelSelector.optional(),
        matchLabelKeys: texts.optional(),
        maxSkew: whole,
        minDomains: whole.optional(),
        nodeAffinityPolicy: text.optional(),
        nodeTaintsPolicy: text.optional(),
        topologyKey: text,
        whenUnsatisfiable: text,
      }),
    )
    .optional(),
};
