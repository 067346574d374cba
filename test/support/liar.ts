import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestOf } from '../../src/core/index.ts';

export interface Liar {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Changes what is answered from now on; without a change it is honest. */
  lie(change?: Change): void;
  readonly stop: () => Promise<void>;
}

/** What an answer becomes; undefined leaves it. The path is that of the distribution API: `/v2/…`. */
type Change = (path: string, body: Buffer) => Buffer | undefined;

/** A registry that shows all of another one, and changes what it is told to: under a digest content, under a tag which digest. */
export const startLiar = async (origin: string): Promise<Liar> => {
  let change: Change = () => undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/';
    const headers = { accept: request.headers.accept ?? '*/*' };
    // What a HEAD says must fit what a GET would give.
    const real = await fetch(`http://${origin}${path}`, { headers });
    const body = Buffer.from(await real.arrayBuffer());
    const changed = real.ok ? change(path, body) : undefined;
    const said = changed ?? body;
    const kept = ['content-type', 'docker-content-digest', 'docker-distribution-api-version', 'link'];
    const given = kept.flatMap((name) => (real.headers.has(name) ? [[name, real.headers.get(name) as string]] : []));
    const lie = changed !== undefined && !path.includes('/sha256:') ? { 'docker-content-digest': digestOf(said) } : {};
    response.writeHead(real.status, { ...Object.fromEntries(given), 'content-length': String(said.length), ...lie });
    response.end(request.method === 'HEAD' ? undefined : said);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(502).end());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: (next = () => undefined) => {
      change = next;
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};
