import { z } from 'zod';
import { WaybillError } from '../../core/index.ts';
import type { Fetch } from '../../http/index.ts';
import { bodyBytes } from './body.ts';
import type { Challenge } from './challenge.ts';
import { basicHeader, type Credential, secretsOf } from './credential.ts';
import { errorOf } from './error.ts';
import { isPrivate } from './hosts.ts';

const answer = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().optional(),
});

export interface Token {
  readonly value: string;
  /** Milliseconds that it is good for, from when it came. */
  readonly lifetime: number;
}

export interface TokenRequest {
  readonly fetch: Fetch;
  /** Scheme and host of the registry that asks, `https://reg.example`. */
  readonly origin: string;
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
}

/**
 * Fetches a bearer token from the realm that a registry names: with Basic credentials, as OAuth2 with an identity
 * token, or with none for what is public. Throws `Unauthorized`; also for a realm that must not see credentials: one
 * spoken to in plain text, or in a private network, that is not the registry itself.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export const fetchToken = async (request: TokenRequest): Promise<Token> => {
  const { fetch, origin, challenge, scopes, credential } = request;
  const realm = realmOf(challenge, origin);
  const service = challenge.params.service;
  let response: Response;
  if (credential?.kind === 'identity') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credential.token,
      client_id: 'waybill',
      ...(service === undefined ? {} : { service }),
      scope: scopes.join(' '),
    });
    response = await fetch(realm, {
      redirect: 'error',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
  } else {
    if (service !== undefined) realm.searchParams.set('service', service);
    for (const scope of scopes) realm.searchParams.append('scope', scope);
    const headers: Record<string, string> =
      credential?.kind === 'basic' ? { authorization: basicHeader(credential.username, credential.password) } : {};
    response = await fetch(realm, { redirect: 'error', headers });
  }
  if (!response.ok) throw await errorOf(response, 'a request for a token', realm.host, secretsOf(credential));
  const parsed = answer.safeParse(readJson(await bodyBytes(response, 256 * 1024)));
  const value = parsed.data?.token ?? parsed.data?.access_token;
  if (value === undefined || value === '') {
    throw new WaybillError('Unauthorized', `${realm.host} gave no token for ${new URL(origin).host}`);
  }
  // Less than the minute that is the default is not believed, as every request would then fetch a token.
  return { value, lifetime: Math.max(60, parsed.data?.expires_in ?? 60) * 1000 };
};

const realmOf = ({ params }: Challenge, origin: string): URL => {
  const registry = new URL(origin);
  const realm = URL.canParse(params.realm ?? '') ? new URL(params.realm as string) : undefined;
  if (realm === undefined) throw new WaybillError('Unauthorized', `${registry.host} asks for a token without a realm`);
  if (realm.origin === registry.origin) return realm;
  const sameHost = realm.hostname === registry.hostname;
  const fit =
    realm.protocol === 'https:' ? sameHost || !isPrivate(realm.host) : sameHost && registry.protocol === 'http:';
  if (!fit || realm.username !== '' || realm.password !== '') {
    throw new WaybillError('Unauthorized', `${registry.host} asks for a token from ${realm.host}, which is not safe`, {
      hint: 'a token service must use https, and may be in a private network only together with its registry',
    });
  }
  return realm;
};

const readJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};
