import type { KeyObject } from 'node:crypto';
import { WaybillError } from '../../core/index.ts';

/** What Waybill signs and verifies with. */
export type Algorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa';

/**
 * The hash that goes with each algorithm, as sigstore's registry of algorithms fixes it: a signature by another one is
 * no signature. RSA is PKCS #1 v1.5. https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md
 */
export const HASHES: Readonly<Record<Algorithm, 'sha256' | 'sha384' | 'sha512'>> = {
  'ecdsa-p256': 'sha256',
  'ecdsa-p384': 'sha384',
  'ecdsa-p521': 'sha512',
  rsa: 'sha256',
};

const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

/** Sizes of RSA keys in bits that cosign takes as well. */
const RSA_BITS = [2048, 3072, 4096];

/** The algorithm of a private or public key; throws `BadKey` where Waybill has none for it, and says which would do. */
export const algorithmOf = (key: KeyObject): Algorithm => {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const algorithm = CURVES[details?.namedCurve ?? ''];
      if (algorithm !== undefined) return algorithm;
      throw unusable(`an elliptic curve ${details?.namedCurve ?? 'without a name'}`);
    }
    case 'rsa':
      if (RSA_BITS.includes(details?.modulusLength ?? 0)) return 'rsa';
      throw unusable(`RSA with ${details?.modulusLength ?? 'unknown'} bits`);
    case 'ed25519':
      // cosign v3.1.3 refuses the Ed25519 signatures that it wrote itself, so there is nothing to be interoperable with.
      throw unusable('Ed25519');
    default:
      throw unusable(`the key type ${key.asymmetricKeyType ?? 'secret'}`);
  }
};

const unusable = (what: string): WaybillError =>
  new WaybillError('BadKey', `${what} cannot be used for signatures`, {
    hint: 'use ECDSA on P-256, P-384 or P-521, or RSA with 2048, 3072 or 4096 bits',
  });
