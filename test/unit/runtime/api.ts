import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { WaybillError } from '../../../src/core/index.ts';
import { KubeApiError, type KubeClient } from '../../../src/kube/index.ts';

type Any = { metadata: ObjectMeta & { name: string; uid: string; resourceVersion: string }; [key: string]: unknown };

const refuse = (status: number, reason: string) =>
  new WaybillError(status === 404 ? 'NotFound' : 'KubeError', reason, {
    cause: new KubeApiError(status, reason, reason),
  });

/** Objects in memory, with versions as the API server keeps them. Nothing can be watched. `before` may refuse a call. */
export const fakeApi = (before: (call: string) => void | Promise<void> = () => {}) => {
  const objects = new Map<string, Any>();
  const calls: string[] = [];
  let version = 0;
  const note = async (call: string): Promise<void> => {
    calls.push(call);
    await before(call);
  };
  const find = (key: string): Any => objects.get(key) ?? raise(refuse(404, 'NotFound'));
  const client = {
    server: 'fake',
    namespace: 'ours',
    counters: { requests: 0, writes: 0, retries: 0, firstRequest: null },
    clockSkew: () => 0,
    attach: async () => raise(refuse(403, 'Forbidden')),
    close: async () => {},
    get: async (plural, name) => {
      await note(`get ${plural}/${name}`);
      return structuredClone(find(`${plural}/${name}`)) as never;
    },
    getMetadata: async (plural, name) => {
      await note(`get ${plural}/${name}`);
      const { metadata } = find(`${plural}/${name}`);
      return { metadata: structuredClone(metadata) };
    },
    review: async () => raise(refuse(500, 'InternalError')),
    list: async () => raise(refuse(500, 'InternalError')),
    listMetadata: async (plural, { fieldSelector } = {}) => {
      await note(`list ${plural}`);
      const [field, value = ''] = fieldSelector?.split('=') ?? [];
      const items = [...objects]
        .filter(([key]) => key.startsWith(`${plural}/${field === 'metadata.name' ? value : ''}`))
        .map(([, object]) => object)
        .filter(({ type }) => field !== 'type' || type === value);
      return { items: structuredClone(items) as never, resourceVersion: String(version) };
    },
    create: async (plural, object) => {
      const name = object.metadata?.name ?? '';
      await note(`create ${plural}/${name}`);
      if (objects.has(`${plural}/${name}`)) throw refuse(409, 'AlreadyExists');
      version += 1;
      const stored = {
        ...object,
        metadata: { uid: `uid-${version}`, ...object.metadata, resourceVersion: `${version}` },
      };
      objects.set(`${plural}/${name}`, stored as never);
      return structuredClone(stored) as never;
    },
    patch: async (plural, name, patch, { resourceVersion, uid } = {}) => {
      await note(`patch ${plural}/${name}`);
      const old = find(`${plural}/${name}`);
      if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
        throw refuse(409, 'Conflict');
      if (uid !== undefined && uid !== old.metadata.uid) throw refuse(409, 'Conflict');
      version += 1;
      const stored = merge(old, patch) as Any;
      const next = { ...stored, metadata: { ...stored.metadata, resourceVersion: `${version}` } };
      objects.set(`${plural}/${name}`, next);
      return structuredClone(next) as never;
    },
    delete: async (plural, name) => {
      await note(`delete ${plural}/${name}`);
      return objects.delete(`${plural}/${name}`);
    },
    stream: async () => raise(new WaybillError('Forbidden', 'no watch')),
  } satisfies KubeClient;
  return { client, objects, calls };
};

const raise = (error: unknown): never => {
  throw error;
};

/** RFC 7386. */
const merge = (old: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const into: Record<string, unknown> = { ...(old as object | undefined) };
  for (const [key, value] of Object.entries(patch)) into[key] = merge(into[key], value);
  return into;
};
