import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Digest } from 'waybill';
import { openRegistry, type RegistryOptions, type Repository } from 'waybill/oci';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Fake {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** All requests, in their order. */
  readonly seen: readonly Seen[];
}

export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  /** Requests so far, this one too. */
  count: number,
) => unknown;

const stops: (() => Promise<void>)[] = [];

/** Ends the registry that was started last. */
export const stopFake = async (): Promise<void> => stops.pop()?.();

/** Ends all of them; for `afterEach`. */
export const stopFakes = async (): Promise<void> => {
  for (const stop of stops.splice(0)) await stop();
};

/** A registry that does as its handler says, faults that no real one shows. Bodies are read, unless `raw`. */
export const startFake = async (handler: Handler, { raw = false } = {}): Promise<Fake> => {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    if (!raw) request.resume();
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
};

/** Milliseconds that the repository opened last would have waited, in their order. */
export const waits: number[] = [];

/** The repository `app` of a registry, anonymous, without waiting between attempts. */
export const openFake = (host: string, options: RegistryOptions = {}, repository = 'app') => {
  waits.length = 0;
  return openRegistry(host, repository, {
    credentials: async () => undefined,
    random: () => 0,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
    },
    ...options,
  });
};

/** Answers requests for manifests and blobs from a store, whatever the repository; 404 to all else. */
export const answerFrom = async (
  store: Repository,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string> = {},
): Promise<void> => {
  const [, kind, ref = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? '') ?? [];
  const found = kind === 'manifests' ? await store.resolve(ref).catch(() => undefined) : undefined;
  const digest = found?.digest ?? (ref as Digest);
  const size = kind === 'manifests' && found === undefined ? undefined : await store.sizeOf(digest);
  if (kind === undefined || size === undefined) {
    response.writeHead(404, { 'content-type': 'application/json', ...headers });
    response.end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    return;
  }
  response.writeHead(200, {
    'content-type': found?.mediaType ?? 'application/octet-stream',
    'content-length': size,
    'docker-content-digest': digest,
    ...headers,
  });
  if (request.method === 'HEAD') response.end();
  else (await store.read(digest)).pipe(response);
};
