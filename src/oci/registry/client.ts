import type { Readable } from 'node:stream';
import { WaybillError } from '../../core/index.ts';
import { type Fetch, isAbort, networkCode } from '../../http/index.ts';
import { type Action, createAuth } from './auth.ts';
import { bodyBytes, discard } from './body.ts';
import type { Credentials } from './credential.ts';
import { errorOf } from './error.ts';
import { apiHost, schemeOf } from './hosts.ts';
import { isRefusedUnread, isTransient, type RetryPolicy, retryAfter, waitFor } from './retry.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the API's root (`REPOSITORY/tags/list`), or a whole URL that the registry gave. */
  readonly to: string | URL;
  readonly action: Action;
  /** What it is about, for messages: `manifest v1 of reg.example/app`. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream can be sent once; bytes again and again. */
  readonly body?: Uint8Array | Readable;
  /** Statuses that are answers; all others are thrown as errors. */
  readonly accept: readonly number[];
  /** That sending it twice does no harm, for a method that does not say so itself. */
  readonly repeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Client {
  readonly host: string;
  readonly repository: string;
  /** Scheme and API host: `https://reg.example:5000`. */
  readonly origin: string;
  /** Sends a request, with authentication, redirects and retries. The body of the response is the caller's to read. */
  send(request: Request): Promise<Response>;
  /** The same with the whole body, at most `cap` bytes; a connection lost in the middle is retried too. */
  read(request: Request, cap: number): Promise<{ readonly response: Response; readonly bytes: Buffer }>;
  /** A URL that a registry gave in a header, made absolute. Throws `RegistryError` if it must not be followed. */
  follow(location: string, base: string | URL): URL;
}

/** What a client needs from the world. */
export interface ClientOptions {
  readonly fetch: Fetch;
  readonly credentials: Credentials;
  /** Hosts that are spoken to in plain HTTP, besides this machine. */
  readonly insecure: readonly string[];
  readonly retry: RetryPolicy;
  readonly random: () => number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;

/** A client for one repository of one registry. */
export const createClient = (host: string, repository: string, options: ClientOptions): Client => {
  const { fetch, credentials, insecure, retry, random, now, sleep } = options;
  const origin = `${schemeOf(host, insecure)}://${apiHost(host)}`;
  const auth = createAuth({ fetch, host, origin, repository, credentials, now });

  const follow = (location: string, base: string | URL): URL => {
    if (!URL.canParse(location, String(base))) throw new WaybillError('RegistryError', `${host} gave a bad Location`);
    const url = new URL(location, base);
    // A registry behind a proxy may not know that it is reached by https.
    if (url.protocol === 'http:' && new URL(base).protocol === 'https:' && url.hostname === new URL(base).hostname) {
      url.protocol = 'https:';
    }
    const plain = url.protocol === 'http:' && schemeOf(url.host, insecure) === 'http';
    // A registry out there must not make us speak to what only this machine can reach.
    const inward = plain && origin.startsWith('https:') && !insecure.includes(url.host);
    if ((url.protocol !== 'https:' && !plain) || inward) {
      throw new WaybillError('RegistryError', `${host} points to ${url.protocol}//${url.host}, which is not safe`);
    }
    return url;
  };

  /** One exchange: redirects followed, without credentials for anyone but the registry itself. */
  const exchange = async (request: Request, header: string | undefined): Promise<{ response: Response; url: URL }> => {
    const { method, body, headers, signal } = request;
    let url = request.to instanceof URL ? request.to : new URL(`/v2/${request.to}`, origin);
    for (let hops = 0; ; hops += 1) {
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: {
          'user-agent': 'waybill',
          ...headers,
          ...(header !== undefined && url.origin === new URL(origin).origin ? { authorization: header } : {}),
        },
        ...(body === undefined ? {} : ({ body, duplex: 'half' } as object)),
        ...(signal === undefined ? {} : { signal }),
      });
      const location = response.headers.get('location');
      const redirected = REDIRECTS.has(response.status) && location !== null && (method === 'GET' || method === 'HEAD');
      if (!redirected) return { response, url };
      await discard(response);
      if (hops >= MAX_REDIRECTS) throw new WaybillError('RegistryError', `${host} redirects without end`);
      url = follow(location, url);
    }
  };

  const authenticated = async (request: Request): Promise<Response> => {
    const sent = auth.header(request.action);
    const { response, url } = await exchange(request, sent);
    const text = response.headers.get('www-authenticate');
    if (response.status !== 401 || text === null || url.origin !== new URL(origin).origin) return response;
    if (!isRepeatable(request.body)) return response;
    if (!(await auth.challenged({ text, action: request.action, sent }))) return response;
    await discard(response);
    return (await exchange(request, auth.header(request.action))).response;
  };

  const send = async (request: Request): Promise<Response> => {
    const { method, what, body, accept, signal } = request;
    const safe = (request.repeatable ?? method !== 'POST') && isRepeatable(body);
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      let wait: number | undefined;
      try {
        const response = await authenticated(request);
        if (accept.includes(response.status)) return response;
        const again = safe ? isTransient(response.status) : isRefusedUnread(response.status) && isRepeatable(body);
        const asked = retryAfter(response.headers.get('retry-after'), now());
        wait = again ? waitFor(retry, attempt, asked, random()) : undefined;
        if (wait === undefined) throw await errorOf(response, what, host);
        await discard(response);
      } catch (error) {
        if (isAbort(error, signal) || networkCode(error) === undefined) throw error;
        wait = safe && isPassing(networkCode(error)) ? waitFor(retry, attempt, undefined, random()) : undefined;
        if (wait === undefined) throw unreachable(host, error);
      }
      await sleep(wait, signal);
    }
  };

  const read: Client['read'] = async (request, cap) => {
    for (let attempt = 1; ; attempt += 1) {
      const response = await send(request);
      try {
        return { response, bytes: await bodyBytes(response, cap) };
      } catch (error) {
        if (isAbort(error, request.signal) || error instanceof WaybillError) throw error;
        const wait = waitFor(retry, attempt, undefined, random());
        if (wait === undefined) throw unreachable(host, error);
        await sleep(wait, request.signal);
      }
    }
  };

  return { host, repository, origin, send, read, follow };
};

/** A lost connection as an error of its own. */
export const unreachable = (host: string, cause: unknown): WaybillError => {
  const code = networkCode(cause);
  return new WaybillError('Unreachable', `${host} cannot be reached${code === undefined ? '' : ` (${code})`}`, {
    cause,
    hint: hintFor(code),
  });
};

const isRepeatable = (body: Request['body']): boolean => body === undefined || body instanceof Uint8Array;

/** What a second attempt cannot change: a name that does not exist, a certificate that is not trusted, nobody there. */
const isPassing = (code: string | undefined): boolean =>
  code !== undefined &&
  !/^(?:ENOTFOUND|ECONNREFUSED|ERR_FETCH|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_SSL)/.test(code);

const hintFor = (code = ''): string => {
  if (/CERT|SELF_SIGNED|UNABLE_TO_|TLS/.test(code)) return 'its certificate is not trusted; give its authority as CA';
  if (/SSL/.test(code)) return 'it does not speak https; a host that speaks plain http must be named as insecure';
  return 'check the name, the network, and that the registry runs';
};
