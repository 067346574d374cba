import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { compare } from 'bcryptjs';
import { WaybillError } from '../../core/index.ts';

/** Whether a name and password are known. */
export type Passwords = (name: string, password: string) => Promise<boolean>;

const LINE = /^(?<name>[^:\s]+):(?<hash>\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/;
/** Of no password: a name that is not there must take as long as one that is. */
const NOBODY = '$2b$10$f0UmvOlgZ99L1W8LnTKLd.cyoCEZ/g3sLWc2tGaPqrw7aOx0IrMj.';
const LONGEST = 1024;
const REMEMBERED = 1000;

/**
 * The passwords of an htpasswd file with bcrypt hashes (`htpasswd -B`), as Docker's registry takes them. Throws
 * `InvalidInput` for any other line. https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
 */
export const readHtpasswd = (text: string, file: string): Passwords => {
  const hashes = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const { name, hash } = LINE.exec(line)?.groups ?? {};
    if (name === undefined || hash === undefined) {
      throw new WaybillError('InvalidInput', `${file}:${index + 1}: no line of an htpasswd file with bcrypt hashes`, {
        hint: 'make it with: htpasswd -nB NAME',
      });
    }
    hashes.set(name, hash);
  }
  // bcrypt is slow by design, and a client sends its password with every request.
  const key = randomBytes(32);
  const remembered = new Map<string, Buffer>();
  return async (name, password) => {
    if (Buffer.byteLength(password) > LONGEST) return false;
    const mac = createHmac('sha256', key).update(`${name}\0${password}`).digest();
    const before = remembered.get(name);
    if (before !== undefined && timingSafeEqual(before, mac)) return true;
    const hash = hashes.get(name);
    const fits = await compare(password, hash ?? NOBODY);
    if (hash === undefined || !fits) return false;
    if (remembered.size < REMEMBERED) remembered.set(name, mac);
    return true;
  };
};

/** Name and password of a Basic `Authorization` header; undefined for any other. https://www.rfc-editor.org/rfc/rfc7617 */
export const basicOf = (
  header: string | undefined,
): { readonly name: string; readonly password: string } | undefined => {
  const encoded = /^basic (?<encoded>[A-Za-z0-9+/=_-]+)$/i.exec(header ?? '')?.groups?.encoded;
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
};
