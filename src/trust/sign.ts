import { bundleToJSON, toDSSEBundle } from '@sigstore/bundle';
import type { Digest } from '../core/index.ts';
import { type Descriptor, pushBlob, pushManifest, type Target } from '../oci/index.ts';
import type { Signer } from './signer.ts';
import { PAYLOAD_TYPE, preAuthEncoding, SIGN_PREDICATE, signStatement } from './statement.ts';

/** Media type of a Sigstore bundle as blob, and the artifact type of the manifest that carries it. */
export const SIGSTORE_BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

export interface SignOptions {
  /** When the signature is made; written into an annotation that nobody verifies. */
  readonly now: Date;
  readonly signal?: AbortSignal;
}

/**
 * Signs what a descriptor names, and stores the signature beside it as cosign v3 does: a Sigstore bundle v0.3 (DSSE,
 * in-toto statement, no transparency log) in a manifest whose subject it is. Returns that manifest's descriptor. The
 * store sees to it that the referrer is found, by the API or by the fallback tag.
 * https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
 */
export const signBundle = async (
  target: Target,
  subject: Descriptor,
  signer: Signer,
  { now, signal }: SignOptions,
): Promise<Descriptor> => {
  const bytes = Buffer.from(JSON.stringify(await sigstoreBundle(subject.digest, signer)));
  const passed = signal === undefined ? {} : { signal };
  const layer = await pushBlob(target, bytes, SIGSTORE_BUNDLE, passed);
  return pushManifest(target, {
    artifactType: SIGSTORE_BUNDLE,
    layers: [layer],
    subject,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': SIGN_PREDICATE,
      'org.opencontainers.image.created': `${now.toISOString().slice(0, 19)}Z`,
    },
    ...passed,
  });
};

/** A Sigstore bundle that says of a digest: signed by this signer. */
const sigstoreBundle = async (digest: Digest, signer: Signer): Promise<object> => {
  const artifact = signStatement(digest);
  const { bytes, hint } = await signer.sign(preAuthEncoding(PAYLOAD_TYPE, artifact));
  const bundle = toDSSEBundle({ artifact, artifactType: PAYLOAD_TYPE, signature: bytes, keyHint: hint });
  // The hint stands with the key only: cosign compares an envelope's keyid with an id of its own making, and refuses.
  for (const signature of bundle.content.dsseEnvelope.signatures) signature.keyid = '';
  return bundleToJSON(bundle);
};
