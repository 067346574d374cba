import { isWaybillError } from '../core/index.ts';
import type { Source, Store } from './types.ts';

/**
 * A registry's repository that is read from its mirrors first, in their order: what none of them has, or a mirror that
 * fails, falls back to the host. A mirror that cannot be reached is not asked again. What is written goes to the host,
 * and content keeps the host's name.
 *
 * Of lists a mirror may have a part: tags are the host's as long as it answers, referrers are a mirror's where it has any.
 */
export const mirrored = (host: Store, mirrors: readonly Source[]): Store => {
  const down = new Set<Source>();

  const first = async <T>(ask: (source: Source) => Promise<T>): Promise<T> => {
    for (const mirror of mirrors) {
      if (down.has(mirror)) continue;
      try {
        return await ask(mirror);
      } catch (error) {
        if (!isLacking(error)) throw error;
        if (isWaybillError(error, 'Unreachable')) down.add(mirror);
      }
    }
    return ask(host);
  };

  return {
    ...host,
    resolve: (ref, signal) => first((source) => source.resolve(ref, signal)),
    fetch: (descriptor, signal) => first((source) => source.fetch(descriptor, signal)),
    tags: async function* (signal) {
      yield* await Array.fromAsync(host.tags(signal)).catch((error: unknown) => {
        if (!isWaybillError(error, 'Unreachable')) throw error;
        return first((source) => Array.fromAsync(source.tags(signal)));
      });
    },
    referrers: async function* (descriptor, artifactType, signal) {
      const list = (source: Source) => Array.fromAsync(source.referrers(descriptor, artifactType, signal));
      for (const mirror of mirrors) {
        if (down.has(mirror)) continue;
        const found = await list(mirror).catch((error: unknown) => {
          if (!isLacking(error)) throw error;
          if (isWaybillError(error, 'Unreachable')) down.add(mirror);
          return [];
        });
        if (found.length > 0) return yield* found;
      }
      yield* await list(host).catch((error: unknown) => {
        // Where only mirrors can be reached, what they do not list is not there.
        if (isWaybillError(error, 'Unreachable') && down.size < mirrors.length) return [];
        throw error;
      });
    },
  };
};

/** What a mirror may answer or suffer without that being the end: it lacks the content, or does not work. */
const isLacking = (error: unknown): boolean =>
  (['NotFound', 'Unreachable', 'Unauthorized', 'RegistryError', 'BadManifest', 'SizeMismatch'] as const).some((code) =>
    isWaybillError(error, code),
  );
