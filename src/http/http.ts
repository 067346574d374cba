import { type ClosableFetch, createFetch, type Fetch, type FetchOptions } from './fetch.ts';

export interface HttpOptions extends Omit<FetchOptions, 'connect'> {
  /** Certificate authorities (PEM), in place of the built-in ones. */
  readonly ca?: string | readonly string[];
  /** Hosts (`HOST` or `HOST:PORT`) whose certificate is not checked. No other host is ever treated so. */
  readonly insecureHosts?: readonly string[];
}

/** The fetch for registries and other public hosts. */
export const createHttp = ({ ca, insecureHosts = [], ...rest }: HttpOptions = {}): ClosableFetch => {
  const authorities = ca === undefined ? {} : { ca };
  const strict = createFetch({ ...rest, connect: authorities });
  const lax = createFetch({ ...rest, connect: { ...authorities, rejectUnauthorized: false } });
  const send: Fetch = (url, init) => {
    const host = new URL(url).host;
    return (insecureHosts.includes(host) ? lax : strict)(url, init);
  };
  return Object.assign(send, {
    close: async () => {
      await Promise.all([strict.close(), lax.close()]);
    },
  });
};
