import type { Lease } from 'kubernetes-types/coordination/v1.d.ts';
import type {
  ConfigMap,
  Event,
  LimitRange,
  Namespace,
  PersistentVolumeClaim,
  Pod,
  Secret,
  ServiceAccount,
} from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

/** The kinds that Waybill reads or writes, by their plural. */
export interface Resources {
  configmaps: ConfigMap;
  events: Event;
  leases: Lease;
  limitranges: LimitRange;
  namespaces: Namespace;
  persistentvolumeclaims: PersistentVolumeClaim;
  pods: Pod;
  secrets: Secret;
  serviceaccounts: ServiceAccount;
}

export type Plural = keyof Resources;

/** An object as the API server returns it: it has been named and stored. */
export type Stored<T extends { metadata?: ObjectMeta }> = T & {
  readonly metadata: ObjectMeta & { readonly name: string; readonly uid: string; readonly resourceVersion: string };
};

interface Resource {
  readonly kind: string;
  readonly path: '/api/v1' | '/apis/coordination.k8s.io/v1';
  readonly namespaced: boolean;
  /** Objects of one page of a list: fewer where one object may be large. */
  readonly page: number;
}

/** Adding a kind is a line here and one in {@link Resources}. */
export const RESOURCES = {
  configmaps: { kind: 'ConfigMap', path: '/api/v1', namespaced: true, page: 50 },
  events: { kind: 'Event', path: '/api/v1', namespaced: true, page: 500 },
  leases: { kind: 'Lease', path: '/apis/coordination.k8s.io/v1', namespaced: true, page: 500 },
  limitranges: { kind: 'LimitRange', path: '/api/v1', namespaced: true, page: 500 },
  namespaces: { kind: 'Namespace', path: '/api/v1', namespaced: false, page: 500 },
  persistentvolumeclaims: { kind: 'PersistentVolumeClaim', path: '/api/v1', namespaced: true, page: 500 },
  pods: { kind: 'Pod', path: '/api/v1', namespaced: true, page: 250 },
  secrets: { kind: 'Secret', path: '/api/v1', namespaced: true, page: 20 },
  serviceaccounts: { kind: 'ServiceAccount', path: '/api/v1', namespaced: true, page: 500 },
} as const satisfies Record<Plural, Resource>;

/** Path of a collection, or of one object in it. */
export const pathOf = (plural: Plural, namespace: string, name?: string): string => {
  const { path, namespaced } = RESOURCES[plural];
  const scope = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${path}${scope}/${plural}${object}`;
};

/** Checks the parts of an object that Waybill relies on; undefined for anything else. */
export const asStored = <T extends { metadata?: ObjectMeta }>(value: unknown): Stored<T> | undefined => {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return undefined;
  const metadata = value.metadata as Partial<Record<keyof ObjectMeta, unknown>> | null;
  const named = typeof metadata?.name === 'string' && typeof metadata.resourceVersion === 'string';
  return named && typeof metadata.uid === 'string' ? (value as Stored<T>) : undefined;
};
