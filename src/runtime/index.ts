export { type Clock, clusterClock, systemClock } from './clock.ts';
export { podCompiler } from './compile.ts';
export { type DriveOptions, type DriverEvent, drive } from './driver.ts';
export { type NamespaceLimits, namespaceLimits } from './kubernetes/limits.ts';
export { deleteOrphans, findOrphans } from './kubernetes/orphans.ts';
export {
  createRecordStore,
  type Loaded,
  type RecordStore,
  type RecordSummary,
  type StoreOptions,
  type TakeOptions,
} from './kubernetes/record-store.ts';
export { type Need, RIGHTS, type Right, ROLES, type RoleName, rightsOf, type Verb } from './kubernetes/rights.ts';
export { podsOf, type RunPod, readLog } from './kubernetes/run-pods.ts';
export { kubernetesRuntime } from './kubernetes/runtime.ts';
export type { CancelMode, HeldRecord } from './record.ts';
export type { Notice, Observation, ObserveOptions, PodHandle, PodRequest, RunRef, Runtime } from './types.ts';
