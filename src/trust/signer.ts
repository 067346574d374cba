import { keyHint, type PrivateKey } from './keys/index.ts';

/** A signature, and the hint by which a reader may find the key that made it. */
export interface Signature {
  readonly bytes: Buffer;
  readonly hint: string;
}

/** Whatever signs: a key in memory here; a key service or a certificate would be further files. */
export interface Signer {
  sign(data: Uint8Array): Promise<Signature>;
}

/** A private key as a signer. */
export const keySigner = (key: PrivateKey): Signer => ({
  sign: async (data) => ({ bytes: key.sign(data), hint: keyHint(key.publicKey) }),
});
