/** usage: wrong call or invalid input (exit 2) · missing: not found or not reachable (exit 3) · refused: by policy or lock (exit 4) · failed: the run failed (exit 1) · internal: a bug of ours (exit 1). */
export type Kind = 'usage' | 'missing' | 'refused' | 'failed' | 'internal';

interface Meaning {
  readonly kind: Kind;
  readonly says: string;
}

/** Every code that a {@link WaybillError} can carry. A code, once released, keeps its meaning. One line a code, by module. */
export const CODES = {
  // core
  Usage: { kind: 'usage', says: 'the command was called wrongly' },
  InvalidInput: { kind: 'usage', says: 'input has findings; they are listed as diagnostics' },
  TooLarge: { kind: 'usage', says: 'input is larger than its cap' },
  Unsupported: { kind: 'usage', says: 'a feature that Waybill does not have yet' },
  Internal: { kind: 'internal', says: 'a bug in Waybill' },
  // oci
  BadReference: { kind: 'usage', says: 'a text is no reference' },
  BadDigest: { kind: 'usage', says: 'a text is no digest' },
  NotFound: { kind: 'missing', says: 'a manifest, blob, tag, file or object does not exist' },
  Unreachable: { kind: 'missing', says: 'a host does not answer' },
  Unauthorized: { kind: 'missing', says: 'a host asks for credentials, or refuses those given' },
  RegistryError: { kind: 'missing', says: 'a registry answered with an error' },
  DigestMismatch: { kind: 'refused', says: 'content does not have the digest that names it' },
  SizeMismatch: { kind: 'refused', says: 'content does not have the size that its descriptor says' },
  BadManifest: { kind: 'usage', says: 'a manifest is not what the OCI specification says' },
  // bundle
  BadBundle: { kind: 'usage', says: 'an artifact is no Tekton bundle' },
  // trust
  BadKey: { kind: 'usage', says: 'a key cannot be read or its password is wrong' },
  BadPolicy: { kind: 'usage', says: 'a policy file has findings' },
  NotVerified: { kind: 'refused', says: 'no signature satisfies the policy or key' },
  TagMoved: { kind: 'refused', says: 'a tag points elsewhere than the digest beside it' },
  // kube
  KubeConfig: { kind: 'missing', says: 'no usable kubeconfig' },
  KubeError: { kind: 'missing', says: 'the API server refused a request' },
  Forbidden: { kind: 'missing', says: 'the user may not do this in the cluster' },
  // pod
  AgentProtocol: { kind: 'failed', says: 'the agent in a pod speaks another version of the protocol' },
  // runtime and record
  RunNotFound: { kind: 'missing', says: 'no record of that run' },
  RunExists: { kind: 'usage', says: 'a run of that name exists' },
  DriverAlive: { kind: 'usage', says: 'another driver holds the run' },
  DriverLost: { kind: 'failed', says: 'another driver took the run over' },
  ObjectExists: { kind: 'usage', says: 'an object of that name exists, and is not of this run' },
  RunFailed: { kind: 'failed', says: 'the run failed' },
  BadRecord: { kind: 'usage', says: 'a run record cannot be read' },
} as const satisfies Record<string, Meaning>;

export type Code = keyof typeof CODES;
