import { homedir } from 'node:os';
import { loadClusterAccess } from '../../src/kube/index.ts';
import { createTransport, readCapped } from '../../src/kube/transport.ts';

/** Objects of any kind, as the administrator, for tests that play the platform team. */
export interface Admin {
  /** Creates an object; the result is what the API server made of it. `dryRun` goes through admission and stores nothing. */
  create(object: Manifest, options?: { readonly dryRun?: boolean }): Promise<unknown>;
  /** A JSON merge patch. */
  patch(object: Manifest, patch: object): Promise<void>;
  delete(object: Manifest): Promise<void>;
  close(): Promise<void>;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const CAP = 4 * 1024 * 1024;

/** `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL` */
const collectionOf = ({ apiVersion, kind, metadata: { namespace } }: Manifest): string => {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const plural = `${kind.toLowerCase().replace(/y$/, 'ie')}s`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
};

export const adminOf = async (kubeconfig: string): Promise<Admin> => {
  const transport = createTransport(await loadClusterAccess({ env: {}, home: homedir(), file: kubeconfig }));
  const send = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, more: object = {}): Promise<unknown> => {
    const answer = await transport.send({ method, path, what: `${method} ${path}`, ...more });
    return JSON.parse((await readCapped(answer, CAP)).toString('utf8'));
  };
  return {
    create: (object, { dryRun = false } = {}) =>
      send('POST', collectionOf(object), { body: object, ...(dryRun && { query: { dryRun: 'All' } }) }),
    patch: async (object, patch) => {
      const path = `${collectionOf(object)}/${object.metadata.name}`;
      await send('PATCH', path, { body: patch, contentType: 'application/merge-patch+json' });
    },
    delete: async (object) => {
      await send('DELETE', `${collectionOf(object)}/${object.metadata.name}`);
    },
    close: () => transport.close(),
  };
};
