import { isIP } from 'node:net';

const DOCKER_HUB = 'docker.io';

/** The host that answers for a registry's name: Docker Hub's API has another name than its images. */
export const apiHost = (host: string): string => (host === DOCKER_HUB ? 'registry-1.docker.io' : host);

/** The names under which credential files may know a registry's host. */
export const credentialHosts = (host: string): readonly string[] =>
  host === DOCKER_HUB ? ['https://index.docker.io/v1/', 'index.docker.io', DOCKER_HUB] : [host];

/** `reg.example` of `reg.example:5000`, and `::1` of `[::1]:5000`. */
const hostName = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** Whether a host is this machine, by its name alone. */
const isLoopback = (host: string): boolean => {
  const name = hostName(host);
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
};

/** Whether a host is an address, or a name, that only a private network or this machine gives a meaning to. */
export const isPrivate = (host: string): boolean => {
  const name = hostName(host).toLowerCase();
  if (isLoopback(host) || name.endsWith('.localhost')) return true;
  switch (isIP(name)) {
    case 4:
      return /^(?:0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(
        name,
      );
    case 6:
      return /^(?:::|f[cd]|fe[89ab])/.test(name);
    default:
      return false;
  }
};

/**
 * The scheme by which a registry is spoken to. Plain HTTP is for this machine and for the hosts that the user named;
 * it is never tried because https failed.
 */
export const schemeOf = (host: string, insecure: readonly string[]): 'http' | 'https' =>
  isLoopback(host) || insecure.includes(host) ? 'http' : 'https';
