import type { Diagnostic } from '../core/index.ts';
import { once } from './once.ts';
import { pin } from './pin.ts';
import type { Pinned, ResolveContext, ResolveOptions } from './types.ts';

/** The context of one run; see {@link ResolveContext}. Two runs share nothing, so a tag that moves is seen by the next. */
export const createResolveContext = (options: ResolveOptions): ResolveContext => {
  const pins = once<Pinned>();
  const shared = once<unknown>();
  const warnings: Diagnostic[] = [];
  const warn = (warning: Diagnostic): void => {
    warnings.push(warning);
  };
  return {
    requireVerified: options.requireVerified ?? false,
    signal: options.signal,
    pin: async (place) => {
      const { tag, digest } = place.reference;
      const key = JSON.stringify([place.name, tag ?? null, digest ?? null]);
      return { ...(await pins(key, () => pin(place, options, warn))), place };
    },
    share: <T>(key: string, start: () => Promise<T>) => shared(key, start) as Promise<T>,
    warn,
    warnings: () => [...warnings],
  };
};
