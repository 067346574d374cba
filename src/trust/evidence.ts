import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { type Digest, isWaybillError, limit, WaybillError } from '../core/index.ts';
import { type Descriptor, isManifestType, MANIFEST_CAP, parseManifest, readAll, type Source } from '../oci/index.ts';

/** A Sigstore bundle found beside a bundle of ours. Nothing in it is verified. */
export interface Evidence {
  /** The manifest that carries it. */
  readonly digest: Digest;
  readonly bundle: Bundle;
}

/** Largest Sigstore bundle that is read, in bytes; one with a large attestation is not a signature that we look for. */
const BUNDLE_CAP = 1024 * 1024;

/** Most referrers that are read. Whoever may push can attach any number: past this, the rest is refused, not skipped. */
const MOST_REFERRERS = 200;

/** Requests at a time. */
const AT_ONCE = 4;

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';

/** What the store's answer may be for a referrer that is no evidence: damaged, gone, too large, or something else. */
const IGNORED = ['NotFound', 'BadManifest', 'TooLarge', 'SizeMismatch', 'DigestMismatch'] as const;

/**
 * Every Sigstore bundle that refers to a descriptor, in the order of their digests. All referrers are looked at, as
 * cosign does, because some registries list another artifact type than the manifest has; what is no bundle is left
 * out. Throws `NotVerified` where more than 200 referrers are listed.
 */
export const collectEvidence = async (
  source: Source,
  subject: Descriptor,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<readonly Evidence[]> => {
  const found = new Map<Digest, Descriptor>();
  for await (const referrer of source.referrers(subject, undefined, signal)) {
    if (!isManifestType(referrer.mediaType)) continue;
    found.set(referrer.digest, referrer);
    if (found.size > MOST_REFERRERS) {
      throw new WaybillError('NotVerified', `${subject.digest} has more than ${MOST_REFERRERS} referrers`, {
        hint: 'delete signatures and attestations that are no longer used',
      });
    }
  }
  const gate = limit(AT_ONCE);
  const read = await Promise.all(
    [...found.values()].map((referrer) => gate(() => readEvidence(source, referrer, signal))),
  );
  return read.filter((one) => one !== undefined).sort((a, b) => (a.digest < b.digest ? -1 : 1));
};

const readEvidence = async (
  source: Source,
  referrer: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Evidence | undefined> => {
  try {
    const manifest = parseManifest(await readAll(source, referrer, { cap: MANIFEST_CAP, signal }), referrer.digest);
    const [layer, ...others] = manifest.layers;
    if (layer === undefined || others.length > 0 || !layer.mediaType.startsWith(BUNDLE_TYPE)) return undefined;
    const bundle = parseBundle(await readAll(source, layer, { cap: BUNDLE_CAP, signal }));
    return bundle === undefined ? undefined : { digest: referrer.digest, bundle };
  } catch (error) {
    if (IGNORED.some((code) => isWaybillError(error, code))) return undefined;
    throw error;
  }
};

/** A Sigstore bundle (v0.1 to v0.3) from JSON; undefined for what is none. */
const parseBundle = (bytes: Uint8Array): Bundle | undefined => {
  try {
    return bundleFromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return undefined;
  }
};
