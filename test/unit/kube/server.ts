import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { clientOn, type KubeClient } from '../../../src/kube/client.ts';
import type { ClusterAccess } from '../../../src/kube/config.ts';
import { createTransport, type TransportOptions } from '../../../src/kube/transport.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void | Promise<void>;

/** A server on a free port that answers the n-th request with the n-th answer, and later ones with the last. */
export const serve = async (...answers: readonly Answer[]) => {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://x');
    const one = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    asked.push(one);
    await answers[Math.min(asked.length, answers.length) - 1]?.(response, one);
  });
  const sockets: Duplex[] = [];
  let frames: readonly Buffer[] | undefined;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
    asked.push({ method: 'GET', path: pathname, query: searchParams, headers: request.headers, body: '' });
    if (frames === undefined) return socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    sockets.push(socket);
    socket.write(acceptance(request));
    for (const frame of frames) socket.write(Buffer.from([0x82, frame.length, ...frame]));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: KubeClient[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return {
    asked,
    /** From now on WebSockets are accepted, get these messages (of at most 125 bytes), and stay open. */
    acceptSockets: (messages: readonly Buffer[]): void => {
      frames = messages;
    },
    /** Ends all WebSockets. */
    endSockets: (): void => {
      for (const socket of sockets) socket.end(Buffer.from([0x88, 0]));
    },
    /** A client that never waits before it tries again; `options` may say for how long it would have. */
    client: (access: Partial<ClusterAccess> = {}, options: TransportOptions = {}): KubeClient => {
      const whole: ClusterAccess = {
        server: url,
        namespace: 'ours',
        context: 'test',
        skipVerify: false,
        credential: { kind: 'none' },
        ...access,
      };
      const made = clientOn(createTransport(whole, { pause: async () => {}, ...options }), whole.namespace);
      clients.push(made);
      return made;
    },
  };
};

/** https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 */
const acceptance = ({ headers }: IncomingMessage): string => {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return [
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: websocket',
    'connection: Upgrade',
    `sec-websocket-accept: ${createHash('sha1').update(key).digest('base64')}`,
    `sec-websocket-protocol: ${headers['sec-websocket-protocol']?.split(',')[0]}`,
    '\r\n',
  ].join('\r\n');
};

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

/** Kubernetes' answer to what it refuses. */
export const refuse = (code: number, reason: string, more: object = {}): Answer =>
  json(code, { kind: 'Status', status: 'Failure', code, reason, message: reason, ...more });

export const cut: Answer = (response) => {
  response.destroy();
};

/** Writes the pieces, and ends, breaks off, or stays open. */
export const pieces =
  (parts: readonly (string | Buffer)[], then: 'end' | 'break' | 'stay' = 'end'): Answer =>
  async (response) => {
    response.writeHead(200);
    response.flushHeaders();
    for (const part of parts) {
      response.write(part);
      await new Promise((done) => setTimeout(done, 5));
    }
    if (then === 'end') response.end();
    if (then === 'break') response.destroy();
  };

export const pod = (name: string, resourceVersion: string, uid = `uid-${name}`) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid, resourceVersion },
});

export const podList = (resourceVersion: string, items: readonly object[], next?: string): Answer =>
  json(200, { kind: 'PodList', metadata: { resourceVersion, ...(next && { continue: next }) }, items });

export const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
