import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathsOf, settingsFrom } from '../cluster/settings.ts';
import type { TestCluster } from './cluster.ts';

/** The way that a host's images take from the cluster's registry to its node, with a gate in it. */
export interface Gate {
  /** Images named `HOST/…` come through the gate; they are those of the cluster's registry. */
  readonly host: string;
  /** From now on the content of images is not answered, until `release`. */
  hold(): void;
  release(): void;
  /** Nobody answers any more, until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Puts a gate before the cluster's registry, for the images of one host that nobody else uses. Only for the harness' own
 * cluster: its node looks up at each pull where a host's images are.
 */
export const startGate = async ({ registry }: TestCluster, name: string): Promise<Gate> => {
  const host = `${name}.gate.test`;
  const folder = join(pathsOf(settingsFrom(process.env)).hosts, host);
  let passage = Promise.resolve();
  let release = (): void => {};

  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/';
    if (path.includes('/blobs/')) await passage;
    const method = request.method ?? 'GET';
    const answer = await fetch(`http://${registry}${path}`, {
      method,
      headers: { accept: request.headers.accept ?? '*/*' },
    });
    const body = Buffer.from(await answer.arrayBuffer());
    const kept = ['content-type', 'content-length', 'docker-content-digest', 'docker-distribution-api-version'];
    const headers = kept.flatMap((key) => (answer.headers.has(key) ? [[key, answer.headers.get(key) as string]] : []));
    response.writeHead(answer.status, Object.fromEntries(headers)).end(method === 'HEAD' ? undefined : body);
  };
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.writeHead(502).end());
  });
  const listen = (port: number): Promise<void> =>
    new Promise((done, fail) => {
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', fail);
        done();
      });
    });
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'hosts.toml'),
    `[host."http://127.0.0.1:${port}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  return {
    host,
    hold: () => {
      passage = new Promise((done) => {
        release = done;
      });
    },
    release: () => release(),
    shut,
    open: () => listen(port),
    close: async () => {
      release();
      await shut();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
