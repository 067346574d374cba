import { BlockList, isIP } from 'node:net';

type Env = Readonly<Record<string, string | undefined>>;

/** `::1` of `[::1]`, in lower case, without the dot that ends a full name. */
const nameOf = ({ hostname }: URL): string =>
  hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

/**
 * The proxy for a URL as the environment says: `HTTPS_PROXY` or `HTTP_PROXY` by the URL's scheme, lower-case names
 * first, unless `NO_PROXY` names the host. This machine is always spoken to directly. What is no URL of http or https
 * names no proxy. https://everything.curl.dev/usingcurl/proxies/env.html
 */
export const proxyFor = (url: URL, env: Env): string | undefined => {
  const named = url.protocol === 'https:' ? env.https_proxy || env.HTTPS_PROXY : env.http_proxy || env.HTTP_PROXY;
  if (!named || isLoopback(nameOf(url)) || isExempt(url, env.no_proxy || env.NO_PROXY || '')) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(named) ? named : `http://${named}`;
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : undefined;
};

const isLoopback = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '::1' ||
  (isIP(name) === 4 && name.startsWith('127.'));

/** Entries are `*`, a host with all below it, the same with a port, an address, or a range of addresses. */
const isExempt = (url: URL, list: string): boolean => {
  const name = nameOf(url);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      if (entry.includes('/')) return isInRange(name, entry);
      const [, host = entry, wanted] = /^(.*?|\[.*\]):(\d+)$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
      if (wanted !== undefined && wanted !== port) return false;
      const suffix = host.replace(/^\[(.*)\]$/, '$1').replace(/^\*?\./, '');
      return name === suffix || (isIP(name) === 0 && name.endsWith(`.${suffix}`));
    });
};

const isInRange = (name: string, entry: string): boolean => {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || isIP(name) !== family || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(name, family === 4 ? 'ipv4' : 'ipv6');
};
