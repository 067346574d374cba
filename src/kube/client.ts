import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { WaybillError } from '../core/index.ts';
import type { ClusterAccess } from './config.ts';
import { isExpired } from './errors.ts';
import { asStored, type Plural, pathOf, RESOURCES, type Resources, type Stored } from './resources.ts';
import { type Call, type Counters, createTransport, type Transport, type TransportOptions } from './transport.ts';

/** What a read or write of one namespace may say. */
export interface Scope {
  /** The context's namespace by default. */
  readonly namespace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Selection extends Scope {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** From where a watch continues. */
  readonly resourceVersion: string;
}

export type MetadataOnly = Stored<{ metadata?: ObjectMeta }>;

/** What must hold of an object that is changed or deleted, else `isConflict`. */
export interface Precondition {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/**
 * A thin client of the Kubernetes API. Failures are {@link WaybillError}s: `NotFound`, `Forbidden`, `Unauthorized`,
 * `Unreachable` or `KubeError`; `isAlreadyExists` and `isConflict` tell those of writes apart.
 */
export interface KubeClient {
  readonly server: string;
  readonly namespace: string;
  readonly counters: Counters;
  /** Milliseconds that the server's clock is ahead of ours, to about a second. */
  clockSkew(): number;
  get<P extends Plural>(plural: P, name: string, scope?: Scope): Promise<Stored<Resources[P]>>;
  /** All objects of a selection, page by page: the list is of one moment. */
  list<P extends Plural>(plural: P, selection?: Selection): Promise<Listed<Stored<Resources[P]>>>;
  /** Like `list`, without the objects' content. */
  listMetadata(plural: Plural, selection?: Selection): Promise<Listed<MetadataOnly>>;
  /** Like `get`, without the object's content. */
  getMetadata(plural: Plural, name: string, scope?: Scope): Promise<MetadataOnly>;
  create<P extends Plural>(plural: P, object: Resources[P], scope?: Scope): Promise<Stored<Resources[P]>>;
  /** A JSON merge patch (RFC 7386). */
  patch<P extends Plural>(
    plural: P,
    name: string,
    patch: MergePatch,
    options?: Scope & Precondition,
  ): Promise<Stored<Resources[P]>>;
  /** False if there was no such object. */
  delete(
    plural: Plural,
    name: string,
    options?: Scope & Precondition & { readonly propagation?: Propagation; readonly graceSeconds?: number },
  ): Promise<boolean>;
  /** A body that comes bit by bit: a watch or a log. */
  stream(plural: Plural, options: Scope & StreamOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * What a container writes to its standard output from now on, frame by frame, until it ends. It can be had as soon as the
   * container runs, which is before the kubelet reports it. Tried once; rejects with `Unreachable` where it can't be had.
   */
  attach(pod: string, container: string, scope?: Scope): Promise<AsyncIterable<Uint8Array>>;
  /** Asks what only concerns our user, and is answered without being stored: the `status` of the answer. */
  review(kind: keyof typeof REVIEWS, spec: object | undefined, signal?: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

/** Reviews, and the API groups that answer them. */
const REVIEWS = {
  SelfSubjectAccessReview: 'authorization.k8s.io/v1',
  SelfSubjectRulesReview: 'authorization.k8s.io/v1',
  SelfSubjectReview: 'authentication.k8s.io/v1',
} as const;

export type MergePatch = { readonly [key: string]: unknown };
export type Propagation = 'Foreground' | 'Background' | 'Orphan';

export interface StreamOptions {
  /** An object and a sub-resource of it; without it the collection. */
  readonly object?: { readonly name: string; readonly sub: string };
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly what: string;
}

export const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** Each frame begins with the number of its channel. https://kubernetes.io/docs/reference/using-api/ */
const ATTACH_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** A client for one cluster. Nothing is sent before the first call. `close` ends its connections. */
export const createClient = (access: ClusterAccess, options: TransportOptions = {}): KubeClient =>
  clientOn(createTransport(access, options), access.namespace);

/** A client that sends through the given transport. */
export const clientOn = (transport: Transport, ours: string): KubeClient => {
  const call = async (request: Call): Promise<unknown> => {
    const response = await transport.send(request);
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new WaybillError('KubeError', `${request.what}: the answer is no JSON`, { cause });
    }
  };

  const one = async <P extends Plural>(request: Call): Promise<Stored<Resources[P]>> => {
    const object = asStored<Resources[P]>(await call(request));
    if (object === undefined) throw new WaybillError('KubeError', `${request.what}: the answer is no object`);
    return object;
  };

  const pages = async <T extends { metadata?: ObjectMeta }>(
    plural: Plural,
    { namespace = ours, labelSelector, fieldSelector, signal }: Selection,
    { accept, page }: { readonly accept?: string; readonly page: number },
  ): Promise<Listed<Stored<T>>> => {
    const items: Stored<T>[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { labelSelector, fieldSelector, limit: String(page), continue: next };
      const what = `list ${plural}`;
      const answer = asList(
        await call({ method: 'GET', path: pathOf(plural, namespace), query, what, signal, ...(accept && { accept }) }),
      );
      if (answer === undefined) throw new WaybillError('KubeError', `${what}: the answer is no list`);
      for (const item of answer.items) {
        const object = asStored<T>(item);
        if (object !== undefined) items.push(object);
      }
      next = answer.metadata.continue;
      if (next === undefined || next === '') return { items, resourceVersion: answer.metadata.resourceVersion };
    }
  };

  /** A list that was too slow for its pages starts anew. */
  const pagesOrAnew: typeof pages = (...args) =>
    pages(...(args as Parameters<typeof pages>)).catch((error: unknown) => {
      if (!isExpired(error)) throw error;
      return pages(...(args as Parameters<typeof pages>));
    }) as never;

  return {
    server: transport.server,
    namespace: ours,
    counters: transport.counters,
    clockSkew: transport.clockSkew,
    get: (plural, name, { namespace = ours, signal } = {}) =>
      one({ method: 'GET', path: pathOf(plural, namespace, name), what: `get ${plural}/${name}`, signal }),
    list: (plural, selection = {}) => pagesOrAnew(plural, selection, { page: RESOURCES[plural].page }),
    listMetadata: (plural, selection = {}) => pagesOrAnew(plural, selection, { page: 500, accept: METADATA_LIST }),
    getMetadata: (plural, name, { namespace = ours, signal } = {}) =>
      one({
        method: 'GET',
        path: pathOf(plural, namespace, name),
        accept: METADATA,
        what: `get ${plural}/${name}`,
        signal,
      }),
    create: (plural, object, { namespace = ours, signal } = {}) => {
      const { kind, path } = RESOURCES[plural];
      return one({
        method: 'POST',
        path: pathOf(plural, namespace),
        body: { ...object, apiVersion: path.replace(/^\/apis?\//, ''), kind },
        what: `create ${plural}/${object.metadata?.name ?? ''}`,
        signal,
      });
    },
    patch: (plural, name, patch, { namespace = ours, signal, uid, resourceVersion } = {}) =>
      one({
        method: 'PATCH',
        path: pathOf(plural, namespace, name),
        contentType: 'application/merge-patch+json',
        body: withPrecondition(patch, { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }),
        what: `patch ${plural}/${name}`,
        signal,
      }),
    delete: async (
      plural,
      name,
      { namespace = ours, signal, uid, resourceVersion, propagation, graceSeconds } = {},
    ) => {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(propagation && { propagationPolicy: propagation }),
        ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
        ...((uid || resourceVersion) && {
          preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
        }),
      };
      try {
        await call({
          method: 'DELETE',
          path: pathOf(plural, namespace, name),
          body,
          what: `delete ${plural}/${name}`,
          signal,
        });
        return true;
      } catch (error) {
        if (error instanceof WaybillError && error.code === 'NotFound') return false;
        throw error;
      }
    },
    stream: async (plural, { namespace = ours, signal, object, query, accept, what }) => {
      const path =
        object === undefined ? pathOf(plural, namespace) : `${pathOf(plural, namespace, object.name)}/${object.sub}`;
      const response = await transport.send({
        method: 'GET',
        path,
        query,
        what,
        signal,
        stream: true,
        ...(accept && { accept }),
      });
      return response.body ?? empty();
    },
    attach: (pod, container, { namespace = ours, signal } = {}) =>
      transport.receive({
        path: `${pathOf('pods', namespace, pod)}/attach`,
        query: { container, stdout: 'true' },
        protocols: ATTACH_PROTOCOLS,
        what: `attach to pods/${pod} ${container}`,
        signal,
      }),
    review: async (kind, spec, signal) => {
      const apiVersion = REVIEWS[kind];
      const path = `/apis/${apiVersion}/${kind.toLowerCase()}s`;
      const body = { apiVersion, kind, ...(spec !== undefined && { spec }) };
      const answer = await call({ method: 'POST', path, body, what: `create ${kind.toLowerCase()}s`, signal });
      return (answer as { readonly status?: unknown } | null)?.status;
    },
    close: () => transport.close(),
  };
};

const withPrecondition = (patch: MergePatch, precondition: Precondition): MergePatch =>
  Object.keys(precondition).length === 0
    ? patch
    : { ...patch, metadata: { ...(patch.metadata as MergePatch | undefined), ...precondition } };

const asList = (
  value: unknown,
): { items: readonly unknown[]; metadata: { resourceVersion: string; continue?: string } } | undefined => {
  const list = value as { items?: unknown; metadata?: { resourceVersion?: unknown; continue?: unknown } } | null;
  if (typeof list?.metadata?.resourceVersion !== 'string') return undefined;
  const { resourceVersion, continue: next } = list.metadata;
  // A list without objects may be null.
  const items = Array.isArray(list.items) ? (list.items as readonly unknown[]) : [];
  return { items, metadata: { resourceVersion, ...(typeof next === 'string' && { continue: next }) } };
};

async function* empty(): AsyncGenerator<Uint8Array> {}
