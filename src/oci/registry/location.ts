import { WaybillError } from '../../core/index.ts';
import { schemeOf } from './hosts.ts';

/**
 * Makes URLs absolute that a registry gave in a header (`Location`, `Link`). Throws `RegistryError` for what must not be
 * followed: plain HTTP to a host that was not named for it, and from a registry out there to what only this machine
 * can reach.
 */
export const createFollow =
  (host: string, origin: string, insecure: readonly string[]) =>
  (location: string, base: string | URL): URL => {
    if (!URL.canParse(location, String(base))) throw new WaybillError('RegistryError', `${host} gave a bad Location`);
    const url = new URL(location, base);
    // A registry behind a proxy may not know that it is reached by https.
    if (url.protocol === 'http:' && new URL(base).protocol === 'https:' && url.hostname === new URL(base).hostname) {
      url.protocol = 'https:';
    }
    const plain = url.protocol === 'http:' && schemeOf(url.host, insecure) === 'http';
    const inward = plain && origin.startsWith('https:') && !insecure.includes(url.host);
    if ((url.protocol !== 'https:' && !plain) || inward || url.username !== '' || url.password !== '') {
      throw new WaybillError('RegistryError', `${host} points to ${url.protocol}//${url.host}, which is not safe`);
    }
    return url;
  };
