import type { Agent, ProxyAgent } from 'undici';

/**
 * What every client here asks of a fetch: WHATWG's, with an absolute URL. A caller of the library may give another
 * one (Node's own, node-fetch); it must know `redirect: 'manual'` and take a `Readable` as body.
 */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A fetch that owns its connections. Idle ones do not keep the process alive; `close` ends them at once. */
export type ClosableFetch = Fetch & { readonly close: () => Promise<void> };

/** How connections are made. Certificates and keys are PEM. */
export interface Connect {
  /** Certificate authorities, in place of the built-in ones. */
  readonly ca?: string | readonly string[];
  /** Client certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** Password of the client key. */
  readonly passphrase?: string;
  /** False skips the check of the server's certificate. */
  readonly rejectUnauthorized?: boolean;
  /** Name that the certificate must carry, where it is not the host of the URL. */
  readonly servername?: string;
  /** A Unix socket to connect to, whatever the URL's host. */
  readonly socketPath?: string;
  /** Milliseconds to wait for a connection. */
  readonly timeout?: number;
}

export interface FetchOptions {
  readonly connect?: Connect;
  /** Milliseconds to wait for the response's headers; 0 is for ever. */
  readonly headersTimeout?: number;
  /** Milliseconds to wait between two pieces of a body; 0 is for ever, as a watch needs. */
  readonly bodyTimeout?: number;
  /** Connections to one origin at a time; further requests wait. Null: as many as there are requests. */
  readonly connections?: number | null;
  /** A proxy (`http://[USER:PASSWORD@]HOST:PORT`) through which all connections go. */
  readonly proxy?: string;
}

/** What undici wants to hear of a connection. */
export const connectOptions = (connect: Connect) => ({
  timeout: connect.timeout ?? 10_000,
  ...(connect.ca === undefined ? {} : { ca: typeof connect.ca === 'string' ? connect.ca : [...connect.ca] }),
  ...(connect.cert === undefined ? {} : { cert: connect.cert }),
  ...(connect.key === undefined ? {} : { key: connect.key }),
  ...(connect.passphrase === undefined ? {} : { passphrase: connect.passphrase }),
  ...(connect.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: connect.rejectUnauthorized }),
  ...(connect.servername === undefined ? {} : { servername: connect.servername }),
  ...(connect.socketPath === undefined ? {} : { socketPath: connect.socketPath }),
});

/**
 * A fetch with connections of its own, kept alive between requests. undici is loaded with the first request, so that
 * a program that makes none does not pay for it.
 */
export const createFetch = ({
  connect = {},
  headersTimeout = 60_000,
  bodyTimeout = 60_000,
  connections = 64,
  proxy,
}: FetchOptions = {}): ClosableFetch => {
  let agent: Agent | ProxyAgent | undefined;
  const send: Fetch = async (url, init) => {
    const undici = await import('undici');
    const options = {
      connect: connectOptions(connect),
      headersTimeout,
      bodyTimeout,
      connections,
      // Below the idle limits of common proxies, so that we rather than they close an idle connection.
      keepAliveTimeout: 15_000,
    };
    agent ??=
      proxy === undefined
        ? new undici.Agent(options)
        : new undici.ProxyAgent({ ...options, uri: proxy, requestTls: options.connect, proxyTls: options.connect });
    // undici's Request and Response types are its own copy of the ones that Node declares.
    return (await undici.fetch(url, { ...init, dispatcher: agent } as never)) as unknown as Response;
  };
  return Object.assign(send, {
    close: async () => {
      await agent?.destroy();
      agent = undefined;
    },
  });
};
