import { getCACertificates } from 'node:tls';
import { type ClosableFetch, createFetch, type Fetch, type FetchOptions } from './fetch.ts';
import { proxyFor } from './proxy.ts';

/** Who we are to hosts that ask for a certificate. PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  /** Whether a host (`HOST[:PORT]`) gets to see it. */
  readonly isFor: (host: string) => boolean;
}

export interface HttpOptions extends Omit<FetchOptions, 'connect' | 'proxy'> {
  /** Certificate authorities (PEM), besides the built-in ones. */
  readonly ca?: string | readonly string[];
  readonly certificate?: ClientCertificate;
  /** Hosts (`HOST` or `HOST:PORT`) whose certificate is not checked. No other host is ever treated so. */
  readonly insecureHosts?: readonly string[];
  /** Where proxies are looked up (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`); without it there are none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The fetch for registries and other public hosts. */
export const createHttp = ({
  ca,
  certificate,
  insecureHosts = [],
  env = {},
  ...rest
}: HttpOptions = {}): ClosableFetch => {
  const authorities = ca === undefined ? {} : { ca: [...getCACertificates('default'), ...[ca].flat()] };
  /** One pool of connections for each way to connect. */
  const ways = new Map<string, ClosableFetch>();
  const send: Fetch = (url, init) => {
    const target = new URL(url);
    const { host } = target;
    const lax = insecureHosts.includes(host);
    const known = certificate?.isFor(host) === true ? certificate : undefined;
    const proxy = proxyFor(target, env);
    const key = JSON.stringify([lax, known !== undefined, proxy]);
    const fetch =
      ways.get(key) ??
      createFetch({
        ...rest,
        connect: {
          ...authorities,
          ...(known === undefined ? {} : { cert: known.cert, key: known.key }),
          ...(lax ? { rejectUnauthorized: false } : {}),
        },
        ...(proxy === undefined ? {} : { proxy }),
      });
    ways.set(key, fetch);
    return fetch(url, init);
  };
  return Object.assign(send, {
    close: async () => {
      await Promise.all([...ways.values()].map((fetch) => fetch.close()));
      ways.clear();
    },
  });
};
