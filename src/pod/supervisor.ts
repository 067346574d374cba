import type { Container, EnvVar, Secret, Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import { canonicalJson, type Json } from '../core/index.ts';
import type { PodTemplate } from '../tekton/index.ts';
import { AGENT, PROGRAM_KEY, PROGRAM_LIMIT, SUPERVISOR, VOLUME } from './constants.ts';
import { escapeDollars } from './environment.ts';
import type { Program } from './program.ts';

/** How a program gets to its supervisor. */
export interface Delivery {
  readonly env: EnvVar;
  readonly mounts: readonly VolumeMount[];
  readonly volumes: readonly Volume[];
  /** Must exist before the pod; without metadata but its name. */
  readonly secrets: readonly Secret[];
}

/** In the environment as long as it fits, else in an immutable Secret that only the supervisor mounts. */
export const deliver = (program: Program, podName: string): Delivery => {
  // The same text from the same plan, also when it has been read from a record: pods are compared by it.
  const json = canonicalJson(program as unknown as Json);
  // The kubelet expands $(NAME) in values of the environment.
  const value = escapeDollars(json);
  if (Buffer.byteLength(value) <= PROGRAM_LIMIT) {
    return { env: { name: AGENT.program, value }, mounts: [], volumes: [], secrets: [] };
  }
  const secretName = `${podName}-program`;
  return {
    env: { name: AGENT.programFile, value: `/waybill/program/${PROGRAM_KEY}` },
    mounts: [{ name: VOLUME.program, mountPath: '/waybill/program', readOnly: true }],
    volumes: [{ name: VOLUME.program, secret: { secretName, defaultMode: 0o444 } }],
    secrets: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: secretName },
        type: 'Opaque',
        immutable: true,
        data: { [PROGRAM_KEY]: Buffer.from(json).toString('base64') },
      },
    ],
  };
};

/** The user of the supervisor where the pod template names none, or root: `nonroot` of distroless images. */
const NON_ROOT = 65532;

/** Where admission mounts the token of the service account, unless something else stands there. */
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The first container: the kubelet starts no other before its hook has returned. It fits PodSecurity `restricted`. */
export const supervisorContainer = (image: string, { env, mounts }: Delivery, template: PodTemplate): Container => {
  const runAsUser = template.securityContext?.runAsUser || NON_ROOT;
  return {
    name: SUPERVISOR,
    image,
    command: [...AGENT.run],
    env: [env],
    lifecycle: { postStart: { exec: { command: [...AGENT.ready] } } },
    // Requests without limits: a CPU limit would slow every step-to-step hop.
    resources: { requests: { cpu: '10m', memory: '16Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: VOLUME.bin, mountPath: '/waybill/bin' },
      { name: VOLUME.run, mountPath: '/waybill/run' },
      { name: VOLUME.tasks, mountPath: '/waybill/tasks' },
      { name: VOLUME.downward, mountPath: '/waybill/downward', readOnly: true },
      // An empty folder: it speaks to no API server.
      { name: VOLUME.run, mountPath: TOKEN_PATH, subPath: 'no-token', readOnly: true },
      ...mounts,
    ],
  };
};

/** The volumes that every pod has. */
export const supervisorVolumes = ({ volumes }: Delivery): readonly Volume[] => [
  { name: VOLUME.bin, emptyDir: {} },
  { name: VOLUME.run, emptyDir: {} },
  { name: VOLUME.tasks, emptyDir: {} },
  {
    name: VOLUME.downward,
    downwardAPI: { items: [{ path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } }] },
  },
  ...volumes,
];
