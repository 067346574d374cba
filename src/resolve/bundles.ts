import { WaybillError } from '../core/index.ts';
import { resolveEntry } from './entries.ts';
import { textParams } from './params.ts';
import { placeOfBundle } from './place.ts';
import type { Resolver } from './types.ts';

const CACHE_MODES = ['always', 'never', 'auto'];

/**
 * Tekton's `bundles` resolver, with its params, defaults and messages: `bundle`, `name`, `kind` (task), `cache`. Its
 * `secret` and `serviceAccount` name credentials in a cluster and are refused: Waybill uses those of whoever runs it.
 * https://tekton.dev/docs/pipelines/bundle-resolver/
 */
export const bundles: Resolver = {
  name: 'bundles',
  resolve: async (params, context) => {
    const { bundle, name, kind, cache } = textParams(params, ['bundle', 'name'], { kind: 'task', cache: 'auto' });
    if (!CACHE_MODES.includes(cache)) {
      const modes = CACHE_MODES.join(' ');
      throw new WaybillError('InvalidInput', `invalid cache mode '${cache}', must be one of: [${modes}]`);
    }
    const pinned = await context.pin(placeOfBundle(bundle));
    return resolveEntry(pinned, { kind, name }, context);
  },
};
