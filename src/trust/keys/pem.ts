import { WaybillError } from '../../core/index.ts';

/** One PEM block. https://www.rfc-editor.org/rfc/rfc7468 */
export interface PemBlock {
  /** `PUBLIC KEY`, `EC PRIVATE KEY`, … */
  readonly label: string;
  readonly bytes: Buffer;
}

/** Longest text that is read as PEM, in UTF-16 units; an encrypted RSA-4096 key takes about 5,000. */
const MAX_PEM = 65_536;

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([^-]*?)-----END \1-----/g;

/**
 * The PEM blocks of a text, in order; what stands between them is no part of them. Throws `BadKey` on a text that is
 * too long, on headers inside a block (OpenSSL's old encryption) and on a body that is no base64.
 */
export const parsePem = (text: string): readonly PemBlock[] => {
  if (text.length > MAX_PEM) throw new WaybillError('BadKey', `a key of more than ${MAX_PEM} characters is not read`);
  return [...text.matchAll(BLOCK)].map(([, label, body]) => {
    const base64 = (body as string).replace(/\s+/g, '');
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
      throw new WaybillError('BadKey', `the PEM block "${label}" holds headers or is no base64`, {
        hint: 'convert an OpenSSL-encrypted key with: openssl pkcs8 -topk8 -nocrypt -in KEY',
      });
    }
    return { label: label as string, bytes: Buffer.from(base64, 'base64') };
  });
};

/** A PEM text with lines of 64 characters and a line break at its end, as Go's `pem.EncodeToMemory` writes it. */
export const formatPem = ({ label, bytes }: PemBlock): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
};
