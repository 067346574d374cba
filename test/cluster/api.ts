import { readFileSync } from 'node:fs';
import { type Agent, request, Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import { pathsOf, type Settings } from './settings.ts';

/** The part of a Kubernetes object that the harness reads. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly status: number;
  /** Undefined where the answer is no JSON. */
  readonly body: unknown;
}

const MERGE_PATCH = 'application/merge-patch+json';

/** The administrator's access to the API server. */
export interface Api {
  ready(): Promise<boolean>;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The object, or undefined where there is none; throws on every other answer. */
  get(path: string): Promise<KubeObject | undefined>;
  list(path: string): Promise<readonly KubeObject[]>;
  /** Creates an object; one that exists already is no error. */
  ensure(path: string, object: unknown): Promise<void>;
  /** Calls `onEvent` for every event of a watch; returns when the server ends it. */
  watch(path: string, onEvent: () => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Talks to the API server with the administrator's certificate, by Node's own client: the harness must bring up the cluster
 * and say what is wrong with it even where Waybill's client is what is broken.
 */
export const adminApi = (settings: Settings): Api => {
  let agent: Agent | undefined;
  const tls = (): Agent => {
    const file = (name: string): Buffer => readFileSync(join(pathsOf(settings).pki, name));
    agent ??= new TlsAgent({ keepAlive: true, ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') });
    return agent;
  };
  const open = (method: string, path: string, timeout: number) =>
    request({
      host: '127.0.0.1',
      port: settings.ports.apiserver,
      agent: tls(),
      method,
      path,
      timeout,
      headers: { accept: 'application/json', 'content-type': method === 'PATCH' ? MERGE_PATCH : 'application/json' },
    });

  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = open(method, path, 10_000);
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const json = response.headers['content-type']?.startsWith('application/json');
          resolve({ status: response.statusCode ?? 0, body: json ? JSON.parse(text) : undefined });
        });
      });
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });

  const read = async (path: string): Promise<unknown> => {
    const { status, body } = await call('GET', path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: status ${status}`);
    return body;
  };

  return {
    call,
    ready: async () => (await call('GET', '/readyz')).status === 200,
    get: async (path) => (await read(path)) as KubeObject | undefined,
    list: async (path) => ((await read(path)) as { items?: readonly KubeObject[] } | undefined)?.items ?? [],
    ensure: async (path, object) => {
      const { status, body } = await call('POST', path, object);
      if (status === 201 || status === 409) return;
      throw new Error(`POST ${path}: status ${status}: ${(body as { message?: string } | undefined)?.message ?? ''}`);
    },
    watch: (path, onEvent, signal) =>
      new Promise((resolve, reject) => {
        const sent = open('GET', path, 0);
        const end = (): void => {
          sent.destroy();
          resolve();
        };
        signal.addEventListener('abort', end, { once: true });
        sent.on('error', (error) => (signal.aborted ? resolve() : reject(error)));
        sent.on('response', (response) => {
          if (response.statusCode !== 200) return reject(new Error(`GET ${path}: status ${response.statusCode}`));
          response.on('data', onEvent);
          response.on('error', reject);
          response.on('close', () => {
            signal.removeEventListener('abort', end);
            resolve();
          });
        });
        sent.end();
      }),
    close: () => agent?.destroy(),
  };
};
