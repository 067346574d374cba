import { z } from 'zod';
import { backoff, WaybillError } from '../core/index.ts';
import { type ClosableFetch, type Connect, createFetch, isAbort, networkCode, openSocket } from '../http/index.ts';
import type { ClusterAccess } from './config.ts';
import { createAuthenticator } from './credential.ts';
import { errorOfNetwork, errorOfStatus, type Status } from './errors.ts';
import { type Pause, sleep } from './sleep.ts';
import { type OnTrouble, troubleTeller } from './trouble.ts';

/** What a client has sent so far, retries included. */
export interface Counters {
  readonly requests: number;
  /** Requests other than GET. */
  readonly writes: number;
  readonly retries: number;
  /** When the first request was sent, in milliseconds since the process started; null before it. */
  readonly firstRequest: number | null;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** For messages: `create pods/build`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  /** The body is read as it comes, without an end in time. */
  readonly stream?: boolean;
}

/** A request that becomes a WebSocket. */
type SocketCall = Pick<Call, 'path' | 'query' | 'what' | 'signal'> & { readonly protocols: readonly string[] };

/** Sends requests to one API server. */
export interface Transport {
  readonly server: string;
  readonly counters: Counters;
  /** Milliseconds to add to this machine's clock to get the server's, also after that was set; two seconds may be off. */
  readonly clockSkew: () => number;
  /** The answer to a call, if it is a good one; anything else is thrown. That of a call that is no stream has been read. */
  send(call: Call): Promise<Response>;
  /** What comes over a WebSocket; tried once, and `Unreachable` whatever the reason why there is none. */
  receive(call: SocketCall): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
}

const ATTEMPTS = 5;
const BACKOFF = { base: 100, cap: 3000 };
/** For one try of a call that is no stream. */
const TIMEOUT_MS = 30_000;
/** No further try starts later than this. */
const PATIENCE_MS = 20_000;
const STATUS_CAP = 64 * 1024;
/** HTTP answers that say "later". */
const TEMPORARY = [429, 500, 502, 503, 504];
/** Failures of a connection that another one may not have. */
const BROKEN = [
  ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['EAI_AGAIN', 'UND_ERR_SOCKET', 'TimeoutError'],
];
/** The largest answer that is read into memory: a page of Secrets of the largest size stays below. */
const CAP = 48 * 1024 * 1024;

/** For so long after it was away, or unwell, an API server may not know all users and their rights yet. */
const SETTLING_MS = 30_000;
/** Milliseconds before it is asked again. */
const SETTLE_MS = 1000;

const STATUS = z.looseObject({
  message: z.string().optional(),
  reason: z.string().optional(),
  code: z.number().int().optional(),
  details: z.looseObject({ retryAfterSeconds: z.number().optional() }).optional(),
}) satisfies z.ZodType<Status>;

export interface TransportOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly pause?: Pause;
  /** Hears, seldom, why nothing goes on: calls that are tried again and again, or have no answer for long. */
  readonly onTrouble?: OnTrouble;
  /** The Role of docs/rbac.md that is enough for what is to be done; hints name it where a right is missing. */
  readonly role?: string | undefined;
}

/**
 * A transport with connections of its own. Calls are sent again after 429, 5xx and broken connections: a read is free
 * of effects, a write has a fixed name, so that its caller sees `AlreadyExists`, `Conflict` or `NotFound` where the
 * first try had come through. A 401 is tried once more with a renewed credential; it and a 403 are tried again too where
 * the server has just come back.
 */
export const createTransport = (
  access: ClusterAccess,
  { env = {}, pause = sleep, onTrouble, role }: TransportOptions = {},
): Transport => {
  const counters = { requests: 0, writes: 0, retries: 0, firstRequest: null as number | null };
  const authenticator = createAuthenticator(access.credential, { cluster: access, env });
  const trouble = troubleTeller(access.server, onTrouble);
  let broken = Number.NEGATIVE_INFINITY;
  const settling = (): boolean => performance.now() - broken < SETTLING_MS;
  const fetches = new Map<string, ClosableFetch>();
  /** The server's time is this and {@link performance.now}, which nobody can set. */
  let base = Date.now() - performance.now();

  const connectFor = (identity: { readonly cert?: string; readonly key?: string }): Connect => ({
    rejectUnauthorized: !access.skipVerify,
    ...(access.ca === undefined ? {} : { ca: access.ca }),
    ...(access.servername === undefined ? {} : { servername: access.servername }),
    ...(identity.cert === undefined ? {} : { cert: identity.cert }),
    ...(identity.key === undefined ? {} : { key: identity.key }),
  });

  const fetchFor = (identity: { readonly cert?: string; readonly key?: string }): ClosableFetch => {
    const known = fetches.get(identity.cert ?? '');
    if (known !== undefined) return known;
    const connect = connectFor(identity);
    // No limits here: a watch and the log of a silent container have none, other calls bring their own. Each of the former
    // holds a connection for as long as it goes: with a limit, a renewal of a lease would wait behind them for ever.
    const made = createFetch({ connect, headersTimeout: 0, bodyTimeout: 0, connections: null });
    fetches.set(identity.cert ?? '', made);
    return made;
  };

  const once = async (call: Call, url: URL, body: string | undefined): Promise<Outcome> => {
    const identity = await authenticator.current(call.signal);
    counters.firstRequest ??= performance.now();
    counters.requests += 1;
    if (call.method !== 'GET') counters.writes += 1;
    const limit = call.stream ? undefined : AbortSignal.timeout(TIMEOUT_MS);
    const signals = [call.signal, limit].filter((signal) => signal !== undefined);
    const answered = call.stream ? () => {} : trouble.asked(call.what);
    try {
      const response = await fetchFor(identity)(url, {
        method: call.method,
        redirect: 'error',
        headers: {
          accept: call.accept ?? 'application/json',
          'user-agent': 'waybill',
          ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...(identity.token === undefined ? {} : { authorization: `Bearer ${identity.token}` }),
        },
        ...(body === undefined ? {} : { body }),
        ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
      });
      noteTime(response);
      // An answer that breaks off in the middle is none.
      if (response.ok) return { response: call.stream ? response : await whole(response) };
      const status = await readStatus(response);
      const error = errorOfStatus(call.what, response.status, status, role);
      if (response.status === 401 && authenticator.refused(identity)) return { error, again: 'renewed' };
      if (isUnknown(response.status, status) && settling()) return { error, again: SETTLE_MS };
      if (!TEMPORARY.includes(response.status)) return { error, again: undefined };
      if (response.status !== 429) broken = performance.now();
      return { error, again: retryAfter(response, status) };
    } catch (error) {
      if (isAbort(error, call.signal)) throw error;
      const code = networkCode(error) ?? (error as Error).name;
      if (BROKEN.includes(code)) broken = performance.now();
      return { error: errorOfNetwork(access.server, error), again: BROKEN.includes(code) ? 0 : undefined };
    } finally {
      answered();
    }
  };

  const noteTime = (response: Response): void => {
    const ahead = Date.parse(response.headers.get('date') ?? '') - (base + performance.now());
    // The header has no fractions: less than that is no skew.
    if (Math.abs(ahead) >= 2000) base += ahead;
  };

  const clockSkew = (): number => {
    const ahead = base + performance.now() - Date.now();
    return Math.abs(ahead) < 2000 ? 0 : ahead;
  };

  const urlOf = ({ path, query = {} }: Pick<Call, 'path' | 'query'>): URL => {
    const url = new URL(access.server + path);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    return url;
  };

  const receive = async (call: SocketCall): Promise<AsyncIterable<Uint8Array>> => {
    const identity = await authenticator.current(call.signal);
    counters.firstRequest ??= performance.now();
    counters.requests += 1;
    const url = urlOf(call);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
    try {
      return await openSocket(url, {
        connect: connectFor(identity),
        protocols: call.protocols,
        headers: identity.token === undefined ? {} : { authorization: `Bearer ${identity.token}` },
        signal: call.signal,
      });
    } catch (error) {
      if (isAbort(error, call.signal)) throw error;
      throw errorOfNetwork(access.server, error);
    }
  };

  const send = async (call: Call): Promise<Response> => {
    const url = urlOf(call);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const deadline = performance.now() + PATIENCE_MS;
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await once(call, url, body);
      if ('response' in outcome) {
        trouble.well();
        return outcome.response;
      }
      const { error, again } = outcome;
      if (again !== undefined) trouble.failed(error);
      if (again === undefined || (again === 'renewed' && renewed)) throw error;
      if (again === 'renewed') renewed = true;
      else {
        const delay = Math.max(again, backoff(attempt, Math.random(), BACKOFF));
        if (attempt >= ATTEMPTS || performance.now() + delay > deadline) throw error;
        await pause(delay, call.signal);
      }
      counters.retries += 1;
    }
  };

  return {
    server: access.server,
    counters,
    clockSkew,
    send,
    receive,
    close: async () => {
      await Promise.all([...fetches.values()].map((fetch) => fetch.close()));
    },
  };
};

/** `again`: milliseconds to wait at least before another try, `renewed` for one with a new credential, else none. */
type Outcome =
  | { readonly response: Response }
  | { readonly error: unknown; readonly again: number | 'renewed' | undefined };

/** Whether an answer says that the server does not know the user, or a right of theirs. Admission refuses with 403 too. */
const isUnknown = (code: number, { message = '' }: Status): boolean =>
  code === 401 || (code === 403 && / cannot \w+ resource /.test(message));

/** An answer with its body in memory. */
const whole = async (response: Response): Promise<Response> => {
  const { status, statusText, headers } = response;
  const body = await readCapped(response, CAP);
  return new Response(body.length === 0 ? null : new Uint8Array(body), { status, statusText, headers });
};

const retryAfter = (response: Response, { details }: Status): number => {
  const seconds = Number(response.headers.get('retry-after') ?? details?.retryAfterSeconds ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, PATIENCE_MS) : 0;
};

const readStatus = async (response: Response): Promise<Status> => {
  const text = (await readCapped(response, STATUS_CAP).catch(() => Buffer.alloc(0))).toString('utf8');
  try {
    const parsed = STATUS.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Not the API server's own answer, but a proxy's.
  }
  return {};
};

/** The body of an answer; throws `TooLarge` when it is larger than `cap` bytes. */
export const readCapped = async (response: Response, cap: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > cap) throw new WaybillError('TooLarge', `the API server's answer is larger than ${cap} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
