import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Pair {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** Path of the authority's certificate (PEM). */
  readonly ca: string;
  /** A certificate for names of hosts, or for a client of that name. */
  issue(name: string, hosts?: readonly string[]): Promise<Pair>;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority in a folder, made with openssl. */
export const createAuthority = async (dir: string): Promise<Authority> => {
  const openssl = (args: readonly string[]) => promisify(execFile)('openssl', args);
  const at = (name: string): string => join(dir, name);
  await openssl([
    'req',
    '-x509',
    ...EC,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=test',
    '-days',
    '9',
  ]);
  return {
    ca: at('ca.pem'),
    issue: async (name, hosts = []) => {
      const pair = { cert: at(`${name}.pem`), key: at(`${name}.key`) };
      await openssl(['req', ...EC, '-keyout', pair.key, '-out', at(`${name}.csr`), '-subj', `/CN=${name}`]);
      const names =
        hosts.length === 0 ? 'keyUsage=digitalSignature' : `subjectAltName=${hosts.map((host) => `DNS:${host}`)}`;
      await writeFile(at(`${name}.ext`), `${names}\n`);
      const issuer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
      const output = ['-out', pair.cert, '-days', '9', '-extfile', at(`${name}.ext`)];
      await openssl(['x509', '-req', '-in', at(`${name}.csr`), ...issuer, ...output]);
      return pair;
    },
  };
};
