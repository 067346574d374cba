import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type Digest, digestOf, hexOf, WaybillError } from '../../core/index.ts';
import { type Algorithm, algorithmOf, HASHES } from './algorithm.ts';
import { formatPem, parsePem } from './pem.ts';

/** A public key that signatures are checked against. */
export interface PublicKey {
  readonly algorithm: Algorithm;
  /** The digest of the SubjectPublicKeyInfo in DER: what names the key in verdicts, policies and records. */
  readonly id: Digest;
  /** SubjectPublicKeyInfo in PEM, as cosign writes `cosign.pub`. */
  readonly pem: string;
  /** Whether `signature` is one of this key over `data`, with the hash of its algorithm. */
  verifies(data: Uint8Array, signature: Uint8Array): boolean;
}

/** A public key in PEM (`PUBLIC KEY`, or PKCS #1 `RSA PUBLIC KEY`); throws `BadKey`, also for a private key. */
export const readPublicKey = (pem: string): PublicKey => {
  const blocks = parsePem(pem);
  const block = blocks.find(({ label }) => label in FORMS);
  if (block === undefined) {
    throw new WaybillError('BadKey', 'the text holds no public key in PEM', {
      hint: blocks.some(({ label }) => label.endsWith('PRIVATE KEY'))
        ? 'this is a private key: give the file with the public one (.pub)'
        : 'a public key starts with -----BEGIN PUBLIC KEY-----',
    });
  }
  return fromKeyObject(parse(block.bytes, FORMS[block.label as keyof typeof FORMS]));
};

const FORMS = { 'PUBLIC KEY': 'spki', 'RSA PUBLIC KEY': 'pkcs1' } as const;

const parse = (key: Buffer, type: 'spki' | 'pkcs1'): KeyObject => {
  try {
    return createPublicKey({ key, format: 'der', type });
  } catch (cause) {
    throw new WaybillError('BadKey', 'the public key cannot be read', { cause });
  }
};

/** A public key of Node's crypto; throws `BadKey` where Waybill has no algorithm for it. */
export const fromKeyObject = (key: KeyObject): PublicKey => {
  const algorithm = algorithmOf(key);
  const der = key.export({ format: 'der', type: 'spki' });
  return {
    algorithm,
    id: digestOf(der),
    pem: formatPem({ label: 'PUBLIC KEY', bytes: der }),
    verifies: (data, signature) => verify(HASHES[algorithm], data, key, signature),
  };
};

/** The hint by which a Sigstore bundle names its key: base64 of the sha256 of the SubjectPublicKeyInfo. */
export const keyHint = ({ id }: Pick<PublicKey, 'id'>): string => Buffer.from(hexOf(id), 'hex').toString('base64');
