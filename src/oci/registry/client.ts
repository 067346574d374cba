import { Readable } from 'node:stream';
import { WaybillError } from '../../core/index.ts';
import { type Fetch, isAbort, networkCode } from '../../http/index.ts';
import type { Body } from '../types.ts';
import { type Access, type Action, createAuth } from './auth.ts';
import { bodyBytes, discard } from './body.ts';
import type { Credentials } from './credential.ts';
import { errorOf } from './error.ts';
import { apiHost, schemeOf } from './hosts.ts';
import { createFollow } from './location.ts';
import { isRefusedUnread, isTransient, type RetryPolicy, retryAfter, waitFor } from './retry.ts';
import { warningsOf } from './warning.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the API's root (`REPOSITORY/tags/list`), or a whole URL that the registry gave. */
  readonly to: string | URL;
  readonly action: Action;
  /** Another repository of the host that is read at the same time. */
  readonly from?: string;
  /** What it is about, for messages: `manifest v1 of reg.example/app`. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream can be sent once; bytes, and what a function opens, again and again. */
  readonly body?: Body;
  /** Statuses that are answers; all others are thrown as errors. */
  readonly accept: readonly number[];
  /** That sending it twice does no harm, where the method says otherwise. */
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
  /** An answer that was accepted, but is a failure all the same, as the error that `send` would have thrown. */
  refusal(response: Response, what: string): Promise<WaybillError>;
  /** A URL that a registry gave in a header, made absolute. Throws `RegistryError` if it must not be followed. */
  follow(location: string, base: string | URL): URL;
  /**
   * Waits before another attempt at work of several requests, where the first attempt is 1 and `started` is when it
   * began. False, at once, where the policy allows no further one.
   */
  again(attempt: number, started: number, signal?: AbortSignal): Promise<boolean>;
  readonly now: () => number;
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
  /** Told of what the registry wants its users to read, once for each text. */
  readonly onWarning?: (text: string, host: string) => void;
  /** The registry that the host is a mirror of, which it is told with each request, as containerd does. */
  readonly mirrorOf?: string;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;

/** A client for one repository of one registry; for the registry as a whole where the repository is empty. */
export const createClient = (host: string, repository: string, options: ClientOptions): Client => {
  const { fetch, credentials, insecure, retry, random, now, sleep, onWarning = () => {}, mirrorOf } = options;
  const origin = `${schemeOf(host, insecure)}://${apiHost(host)}`;
  const auth = createAuth({ fetch, host, origin, repository, credentials, now });
  const follow = createFollow(host, origin, insecure);
  const warned = new Set<string>();

  const warn = (response: Response): void => {
    for (const text of warningsOf(response.headers.get('warning'))) {
      if (warned.has(text)) continue;
      warned.add(text);
      onWarning(text, host);
    }
  };

  const urlOf = (to: string | URL): URL => {
    const url = to instanceof URL ? to : new URL(`/v2/${to}`, origin);
    if (mirrorOf !== undefined && !(to instanceof URL)) url.searchParams.set('ns', mirrorOf);
    return url;
  };

  const once = async (request: Request, url: URL, header: string | undefined): Promise<Response> => {
    const { method, headers, signal } = request;
    const body = typeof request.body === 'function' ? await request.body() : request.body;
    try {
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: {
          'user-agent': 'waybill',
          // A range of a compressed answer would be a range of other bytes.
          'accept-encoding': 'identity',
          ...headers,
          ...(header !== undefined && url.origin === new URL(origin).origin ? { authorization: header } : {}),
        },
        ...(body === undefined ? {} : ({ body, duplex: 'half' } as object)),
        ...(signal === undefined ? {} : { signal }),
      });
      // The registry answered before it had read all, and will not read the rest.
      if (body instanceof Readable && !response.ok) body.destroy();
      return response;
    } catch (error) {
      if (body instanceof Readable) body.destroy();
      throw error;
    }
  };

  /** One exchange: redirects followed, without credentials for anyone but the registry itself. */
  const exchange = async (request: Request, header: string | undefined): Promise<{ response: Response; url: URL }> => {
    let url = urlOf(request.to);
    for (let hops = 0; ; hops += 1) {
      const response = await once(request, url, header);
      const location = response.headers.get('location');
      const reads = request.method === 'GET' || request.method === 'HEAD';
      if (!REDIRECTS.has(response.status) || location === null || !reads) return { response, url };
      await discard(response);
      if (hops >= MAX_REDIRECTS) throw new WaybillError('RegistryError', `${host} redirects without end`);
      url = follow(location, url);
    }
  };

  const authenticated = async (request: Request): Promise<Response> => {
    const access: Access = { action: request.action, from: request.from };
    const sent = auth.header(access);
    const { response, url } = await exchange(request, sent);
    warn(response);
    const text = response.headers.get('www-authenticate');
    if (response.status !== 401 || text === null || url.origin !== new URL(origin).origin) return response;
    if (!canRepeat(request.body)) return response;
    if (!(await auth.challenged({ text, access, sent }))) return response;
    await discard(response);
    const answered = (await exchange(request, auth.header(access))).response;
    warn(answered);
    return answered;
  };

  const sendSince = async (request: Request, started: number): Promise<Response> => {
    const { method, what, body, accept, signal } = request;
    const safe = (request.repeatable ?? (method !== 'POST' && method !== 'PATCH')) && canRepeat(body);
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      let wait: number | undefined;
      try {
        const response = await authenticated(request);
        if (accept.includes(response.status)) return response;
        const again = safe ? isTransient(response.status) : isRefusedUnread(response.status) && canRepeat(body);
        const asked = retryAfter(response.headers.get('retry-after'), now());
        wait = again ? waitFor(retry, { attempt, asked, elapsed: now() - started, random: random() }) : undefined;
        if (wait === undefined) throw await refusal(response, what);
        await discard(response);
      } catch (error) {
        if (isAbort(error, signal) || networkCode(error) === undefined) throw error;
        const again = safe && isPassing(networkCode(error));
        wait = again ? waitFor(retry, { attempt, elapsed: now() - started, random: random() }) : undefined;
        if (wait === undefined) throw unreachable(host, error);
      }
      await sleep(wait, signal);
    }
  };

  const refusal: Client['refusal'] = (response, what) => errorOf(response, what, host, auth.secrets());

  const again: Client['again'] = async (attempt, started, signal) => {
    const wait = waitFor(retry, { attempt, elapsed: now() - started, random: random() });
    if (wait !== undefined) await sleep(wait, signal);
    return wait !== undefined;
  };

  const read: Client['read'] = async (request, cap) => {
    const started = now();
    for (let attempt = 1; ; attempt += 1) {
      const response = await sendSince(request, started);
      try {
        return { response, bytes: await bodyBytes(response, cap) };
      } catch (error) {
        if (isAbort(error, request.signal) || error instanceof WaybillError) throw error;
        if (!(await again(attempt, started, request.signal))) throw unreachable(host, error);
      }
    }
  };

  return { host, repository, origin, send: (request) => sendSince(request, now()), read, refusal, follow, again, now };
};

/** A lost connection as an error of its own. */
export const unreachable = (host: string, cause: unknown): WaybillError => {
  const code = networkCode(cause);
  return new WaybillError('Unreachable', `${host} cannot be reached${code === undefined ? '' : ` (${code})`}`, {
    cause,
    hint: hintFor(code),
  });
};

const canRepeat = (body: Request['body']): boolean => !(body instanceof Readable);

/** What a second attempt cannot change: a name that does not exist, a certificate that is not trusted, nobody there. */
const isPassing = (code: string | undefined): boolean =>
  code !== undefined &&
  !/^(?:ENOTFOUND|ECONNREFUSED|ERR_FETCH|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_SSL)/.test(code);

const hintFor = (code = ''): string => {
  if (/CERT|SELF_SIGNED|UNABLE_TO_|TLS/.test(code)) return 'its certificate is not trusted; give its authority as CA';
  if (/SSL/.test(code)) return 'it does not speak https; a host that speaks plain http must be named as insecure';
  return 'check the name, the network, and that the registry runs';
};
