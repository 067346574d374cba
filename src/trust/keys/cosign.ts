import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { z } from 'zod';
import { WaybillError } from '../../core/index.ts';

/** scrypt's cost that is written; 64 MiB of memory. */
const COST = 65_536;

/** The only costs that are read: any other would let a key file choose how long and how much memory its reader spends. */
const COSTS: readonly number[] = [32_768, COST, 131_072];

const SALT_BYTES = 32;
const NONCE_BYTES = 24;

const base64 = (most: number) =>
  z
    .base64()
    .max(most)
    .transform((text) => Buffer.from(text, 'base64'));

const SEALED = z.object({
  kdf: z.object({
    name: z.literal('scrypt'),
    params: z.object({
      N: z.number().refine((cost) => COSTS.includes(cost)),
      r: z.literal(8),
      p: z.literal(1),
    }),
    salt: base64(128),
  }),
  cipher: z.object({
    name: z.literal('nacl/secretbox'),
    nonce: base64(64).refine((nonce) => nonce.length === NONCE_BYTES),
  }),
  ciphertext: base64(32_768),
});

/** What must never be used twice with one password. */
export interface SealInputs {
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
}

/**
 * Encrypts a private key as cosign does: JSON of scrypt's parameters and an XSalsa20-Poly1305 box. An empty password is
 * legal, and protects nothing. https://github.com/secure-systems-lab/go-securesystemslib/tree/main/encrypted
 */
export const seal = async (
  plain: Uint8Array,
  password: string,
  { salt, nonce }: SealInputs = { salt: randomBytes(SALT_BYTES), nonce: randomBytes(NONCE_BYTES) },
): Promise<Buffer> => {
  const key = await derive(password, salt, COST);
  const sealed = {
    kdf: { name: 'scrypt', params: { N: COST, r: 8, p: 1 }, salt: Buffer.from(salt).toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: Buffer.from(nonce).toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(key, nonce).encrypt(plain)).toString('base64'),
  };
  return Buffer.from(JSON.stringify(sealed));
};

/** Decrypts what {@link seal} or cosign wrote; throws `BadKey` on another form or a wrong password. */
export const unseal = async (sealed: Uint8Array, password: string): Promise<Buffer> => {
  const { kdf, cipher, ciphertext } = parse(sealed);
  const key = await derive(password, kdf.salt, kdf.params.N);
  try {
    return Buffer.from(xsalsa20poly1305(key, cipher.nonce).decrypt(ciphertext));
  } catch {
    // The cause would say no more than this: the box holds one authentication tag for both cases.
    throw new WaybillError('BadKey', 'the password of the private key is wrong, or the key is damaged', {
      hint: 'the password comes from COSIGN_PASSWORD',
    });
  }
};

const parse = (sealed: Uint8Array): z.output<typeof SEALED> => {
  try {
    return SEALED.parse(JSON.parse(Buffer.from(sealed).toString('utf8')));
  } catch (cause) {
    throw new WaybillError('BadKey', 'the encrypted private key is not in the form that cosign writes', { cause });
  }
};

const derive = (password: string, salt: Uint8Array, cost: number): Promise<Buffer> => {
  // OpenSSL counts a little more than 128·N·r bytes, and refuses at Node's default of 32 MiB.
  const options: ScryptOptions = { N: cost, r: 8, p: 1, maxmem: 2 * 128 * cost * 8 };
  return new Promise((done, fail) => {
    scrypt(password, salt, 32, options, (error, key) => (error === null ? done(key) : fail(error)));
  });
};
