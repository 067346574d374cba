import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { WaybillError } from '../../core/index.ts';
import { HASHES } from './algorithm.ts';
import { type SealInputs, seal, unseal } from './cosign.ts';
import { formatPem, type PemBlock, parsePem } from './pem.ts';
import { fromKeyObject, type PublicKey } from './public.ts';

/** A private key in memory. Its secret is reachable through {@link writePrivateKey} alone, and sealed there. */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /** A signature over `data`: ECDSA in DER, or RSA PKCS #1 v1.5, with the hash of the key's algorithm. */
  sign(data: Uint8Array): Buffer;
  /** Encrypted PKCS #8 in the form of {@link seal}. */
  seal(password: string, inputs?: SealInputs): Promise<Buffer>;
}

const LABEL = 'ENCRYPTED SIGSTORE PRIVATE KEY';
const SEALED_LABELS = [LABEL, 'ENCRYPTED COSIGN PRIVATE KEY'];
const PLAIN_LABELS: Readonly<Record<string, 'pkcs8' | 'sec1' | 'pkcs1'>> = {
  'PRIVATE KEY': 'pkcs8',
  'EC PRIVATE KEY': 'sec1',
  'RSA PRIVATE KEY': 'pkcs1',
};

/** A fresh ECDSA key on P-256. */
export const generateKey = async (): Promise<PrivateKey> => {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return fromPrivate(privateKey);
};

/** The text of a key file as cosign writes `cosign.key`; an empty password is legal, and protects nothing. */
export const writePrivateKey = async (key: PrivateKey, password: string, inputs?: SealInputs): Promise<string> =>
  formatPem({ label: LABEL, bytes: await key.seal(password, inputs) });

/**
 * A private key from PEM: cosign's encrypted form (with `password`), PKCS #8, SEC 1 or PKCS #1. Throws `BadKey` on
 * another form, a wrong or missing password, or an algorithm that Waybill does not sign with.
 */
export const readPrivateKey = async (pem: string, { password }: { password?: string } = {}): Promise<PrivateKey> => {
  const blocks = parsePem(pem);
  const block = blocks.find(({ label }) => SEALED_LABELS.includes(label) || label in PLAIN_LABELS);
  if (block === undefined) throw unreadable(blocks);
  const form = PLAIN_LABELS[block.label];
  if (form !== undefined) return fromPrivate(parse(block.bytes, form));
  if (password === undefined) {
    throw new WaybillError('BadKey', 'the private key is encrypted, and no password is given', {
      hint: 'set COSIGN_PASSWORD (to an empty text where the key has no password)',
    });
  }
  return fromPrivate(parse(await unseal(block.bytes, password), 'pkcs8'));
};

const unreadable = (blocks: readonly PemBlock[]): WaybillError => {
  const [first] = blocks;
  if (first === undefined) {
    return new WaybillError('BadKey', 'the text holds no private key in PEM', {
      hint: `a key made by Waybill or cosign starts with -----BEGIN ${LABEL}-----`,
    });
  }
  return new WaybillError('BadKey', `the PEM block "${first.label}" is no private key that can be read`, {
    hint: 'give an unencrypted PKCS #8, SEC 1 or PKCS #1 key, or one made by Waybill or cosign',
  });
};

const parse = (key: Buffer, type: 'pkcs8' | 'sec1' | 'pkcs1'): KeyObject => {
  try {
    return createPrivateKey({ key, format: 'der', type });
  } catch {
    // No cause: OpenSSL's errors may quote what they could not parse, and that is a secret.
    throw new WaybillError('BadKey', `the private key is no valid ${type.toUpperCase()}`);
  }
};

const fromPrivate = (key: KeyObject): PrivateKey => {
  const publicKey = fromKeyObject(createPublicKey(key));
  return {
    publicKey,
    sign: (data) => sign(HASHES[publicKey.algorithm], data, key),
    seal: (password, inputs) => seal(key.export({ format: 'der', type: 'pkcs8' }), password, inputs),
  };
};
