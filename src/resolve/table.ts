import { WaybillError } from '../core/index.ts';
import { bundles } from './bundles.ts';
import type { Resolver } from './types.ts';

/** The resolvers that there are. A new one is a file and a line here. */
const RESOLVERS: readonly Resolver[] = [bundles];

/** Tekton's resolvers that Waybill does not have yet. */
const LATER = ['git', 'http', 'hub', 'cluster'];

/** The resolver of a name; throws `Unsupported` for one of Tekton's that is missing, and for an unknown one. */
export const resolverOf = (name: string): Resolver => {
  const found = RESOLVERS.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new WaybillError(
    'Unsupported',
    LATER.includes(name) ? `the resolver "${name}" is not supported yet` : `there is no resolver "${name}"`,
    { hint: `resolvers: ${RESOLVERS.map((one) => one.name).join(', ')}` },
  );
};
