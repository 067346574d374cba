import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { finished } from 'node:stream/promises';
import { WaybillError } from '../../core/index.ts';
import { isRepositoryName } from '../reference.ts';
import type { Repository } from '../types.ts';
import { appendChunk, beginUpload, cancelUpload, deleteBlob, finishUpload, getBlob, uploadStatus } from './blobs.ts';
import { answer, type Exchange } from './exchange.ts';
import { basicOf, type Passwords } from './htpasswd.ts';
import { listReferrers, listRepositories, listTags } from './lists.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import { Refusal } from './refusal.ts';
import { isServable, type Repositories } from './repositories.ts';
import { type Route, routeOf } from './route.ts';
import { createUploads, type Uploads } from './uploads.ts';

export interface RegistryServerOptions {
  readonly repositories: Repositories;
  /** A folder for blobs on their way: made when needed, removed at the end. */
  readonly scratch: string;
  /** Who is let in; everybody where it is not given. */
  readonly passwords?: Passwords;
  /** Nothing is pushed or deleted. */
  readonly readOnly?: boolean;
  /** PEM. With it the registry speaks https. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Told of what should not happen. */
  readonly onError?: (error: unknown) => void;
}

export interface RegistryServer {
  /** Starts to listen; port 0 is any free one. Throws `Usage` where the address cannot be had. */
  listen(port: number, address: string): Promise<{ readonly port: number }>;
  /** Ends all connections and uploads. */
  close(): Promise<void>;
}

const API_HEADER = { 'docker-distribution-api-version': 'registry/2.0' };

/**
 * A registry that speaks the OCI distribution protocol, over any repositories.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export const createRegistryServer = (options: RegistryServerOptions): RegistryServer => {
  const uploads = createUploads(options.scratch, Date.now);
  const listener: RequestListener = (request, response) => {
    const { method = 'GET' } = request;
    for (const [name, value] of Object.entries(API_HEADER)) response.setHeader(name, value);
    const path = request.url ?? '/';
    const exchange: Exchange = {
      method,
      url: new URL(path.replace(/^\/+/, '/'), 'http://registry'),
      request,
      response,
    };
    handle(exchange, options, uploads).catch((error: unknown) => fail(exchange, error, options.onError));
  };
  const server: Server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  // An upload may take hours; idle connections are the clients' to keep.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 65_000;
  return {
    listen: (port, address) =>
      new Promise((resolve, reject) => {
        server.once('error', (cause) =>
          reject(new WaybillError('Usage', `cannot listen on ${address}:${port}: ${cause.message}`, { cause })),
        );
        server.listen(port, address, () => {
          const bound = server.address();
          resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : port });
        });
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      await uploads.close();
    },
  };
};

const handle = async (exchange: Exchange, options: RegistryServerOptions, uploads: Uploads): Promise<void> => {
  await authenticate(exchange, options.passwords);
  const route = routeOf(exchange.url.pathname);
  if (route === undefined) throw new Refusal('NAME_UNKNOWN', 'the protocol has no such path');
  if ('name' in route && !(isRepositoryName(route.name) && isServable(route.name))) {
    throw new Refusal('NAME_INVALID', `"${route.name.slice(0, 160)}" cannot be the name of a repository here`);
  }
  const reads = exchange.method === 'GET' || exchange.method === 'HEAD';
  if (!reads && options.readOnly === true) throw new Refusal('UNSUPPORTED', 'this registry is read only');
  await dispatch(exchange, route, options.repositories, uploads);
};

const authenticate = async ({ request }: Exchange, passwords: Passwords | undefined): Promise<void> => {
  if (passwords === undefined) return;
  const given = basicOf(request.headers.authorization);
  if (given !== undefined && (await passwords(given.name, given.password))) return;
  const headers = { 'www-authenticate': 'Basic realm="waybill", charset="UTF-8"' };
  throw new Refusal('UNAUTHORIZED', 'a name and a password are needed', { headers });
};

const dispatch = async (
  exchange: Exchange,
  route: Route,
  repositories: Repositories,
  uploads: Uploads,
): Promise<void> => {
  const there = (name: string): Repository => {
    const found = repositories.find(name);
    if (found === undefined) throw new Refusal('NAME_UNKNOWN', `there is no repository ${name}`);
    return found;
  };
  const method = exchange.method === 'HEAD' ? 'GET' : exchange.method;
  switch (route.kind) {
    case 'base':
      if (method === 'GET') return answer(exchange, 200, {});
      break;
    case 'catalog':
      if (method === 'GET') return listRepositories(exchange, repositories);
      break;
    case 'blob':
      if (method === 'GET') return getBlob(exchange, there(route.name), route.digest);
      if (method === 'DELETE') return deleteBlob(exchange, there(route.name), route.digest);
      break;
    case 'uploads':
      if (method === 'POST') return beginUpload(exchange, route.name, { repositories, uploads });
      break;
    case 'upload': {
      const upload = uploads.find(route.name, route.id);
      if (method === 'GET') return uploadStatus(exchange, upload);
      if (method === 'PATCH') return appendChunk(exchange, upload, uploads);
      if (method === 'PUT') return finishUpload(exchange, upload, { repositories, uploads });
      if (method === 'DELETE') return cancelUpload(exchange, upload, uploads);
      break;
    }
    case 'manifest':
      if (method === 'GET') return getManifest(exchange, there(route.name), route.reference);
      if (method === 'PUT') return putManifest(exchange, route.name, repositories.make(route.name), route.reference);
      if (method === 'DELETE') return deleteManifest(exchange, there(route.name), route.reference);
      break;
    case 'tags':
      if (method === 'GET') return listTags(exchange, route.name, there(route.name));
      break;
    case 'referrers':
      if (method === 'GET') return listReferrers(exchange, repositories.find(route.name), route.digest);
      break;
  }
  throw new Refusal('UNSUPPORTED', `${exchange.method} is not for this path`);
};

const fail = async (exchange: Exchange, error: unknown, onError: RegistryServerOptions['onError']): Promise<void> => {
  const { request, response } = exchange;
  if (!(error instanceof Refusal) && !request.destroyed) onError?.(error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = error instanceof Refusal ? error : undefined;
  const { status = 500, headers = {}, code = 'UNKNOWN', message = 'the registry failed' } = refusal ?? {};
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message, detail: null }] }));
  // What is left of the body is not read: the connection cannot be used again.
  const left = request.complete ? {} : { connection: 'close' };
  answer(exchange, status, { 'content-type': 'application/json', ...headers, ...left }, body);
  if (!request.complete) {
    await finished(response).catch(() => undefined);
    request.destroy();
  }
};
