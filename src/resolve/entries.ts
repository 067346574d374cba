import { type BundleEntry, type BundleListing, listBundle, readEntry } from '../bundle/index.ts';
import { WaybillError } from '../core/index.ts';
import type { Pinned, ResolveContext, Resolved } from './types.ts';

/** What is in a pinned bundle; one listing serves the whole run. */
export const entriesOf = ({ place, source, descriptor }: Pinned, context: ResolveContext): Promise<BundleListing> =>
  context.share(JSON.stringify(['list', place.name, descriptor.digest]), () =>
    listBundle(source, descriptor, context.signal),
  );

/** The entry of one object, the kind without regard to case; undefined where the bundle does not have it. */
export const findEntry = async (
  pinned: Pinned,
  { kind, name }: { readonly kind: string; readonly name: string },
  context: ResolveContext,
): Promise<BundleEntry | undefined> => {
  const { entries } = await entriesOf(pinned, context);
  return entries.find((entry) => entry.kind === kind.toLowerCase() && entry.name === name);
};

/** One object of a pinned bundle; one pull serves the whole run. Throws `NotFound` with Tekton's message. */
export const resolveEntry = async (
  pinned: Pinned,
  wanted: { readonly kind: string; readonly name: string },
  context: ResolveContext,
): Promise<Resolved> => {
  const { place, source, verdict } = pinned;
  const { manifest, entries } = await entriesOf(pinned, context);
  const entry = await findEntry(pinned, wanted, context);
  if (entry === undefined) {
    const message = `could not find object in image with kind: ${wanted.kind} and name: ${wanted.name}`;
    throw new WaybillError('NotFound', message, {
      subject: place.text,
      hint: `${place.text} has ${entries.map(({ kind, name }) => `${kind}/${name}`).join(', ') || 'no objects'}`,
    });
  }
  const bytes = await context.share(JSON.stringify(['read', place.name, entry.layer.digest]), () =>
    readEntry(source, entry, context.signal),
  );
  return {
    bytes,
    kind: entry.kind,
    name: entry.name,
    source: { uri: place.name, digest: manifest.digest, entryPoint: entry.name },
    verdict,
    reference: `${place.text.replace(/#.*$/, '')}#${entry.kind}/${entry.name}`,
    bundle: pinned,
  };
};
