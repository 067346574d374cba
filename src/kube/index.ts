export { type Access, lacking, mayI, namespaceExists, whoAmI } from './access.ts';
export { attachOutput } from './attach.ts';
export {
  createClient,
  type KubeClient,
  type Listed,
  type MergePatch,
  type MetadataOnly,
  type Precondition,
  type Propagation,
  type Scope,
  type Selection,
  type StreamOptions,
} from './client.ts';
export { type ClusterAccess, findClusterAccess, type KubeConfigOptions, loadClusterAccess } from './config.ts';
export type { Credential } from './credential.ts';
export { apiErrorOf, isAlreadyExists, isConflict, isExpired, KubeApiError } from './errors.ts';
export { type ContainerState, type ContainerView, followLog, type LogOptions, type LogReport } from './logs.ts';
export type { Plural, Resources, Stored } from './resources.ts';
export { type Pause, sleep } from './sleep.ts';
export type { Counters } from './transport.ts';
export { type WatchEvent, type WatchOptions, watch } from './watch.ts';
