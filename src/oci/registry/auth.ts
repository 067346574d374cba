import type { Fetch } from '../../http/index.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credential, type Credentials, secretsOf } from './credential.ts';
import { fetchToken } from './token.ts';

export type Action = 'pull' | 'push' | 'delete';

/** What a request wants to do. */
export interface Access {
  readonly action: Action;
  /** Another repository of the host that is read at the same time, as a mount does. */
  readonly from?: string | undefined;
}

export interface Authenticator {
  /** The `Authorization` header for an access, if one is known to be needed. */
  header(access: Access): string | undefined;
  /** What was sent, or is to be, and must not be shown. */
  secrets(): readonly string[];
  /** Answers a 401: true if there is now another header to try with. */
  challenged(challenge: Challenged): Promise<boolean>;
}

interface Challenged {
  /** The `WWW-Authenticate` header. */
  readonly text: string;
  readonly access: Access;
  /** The `Authorization` header that was refused, if there was one. */
  readonly sent: string | undefined;
}

export interface AuthOptions {
  readonly fetch: Fetch;
  readonly host: string;
  /** `https://API-HOST` */
  readonly origin: string;
  /** Empty for the registry as a whole, which needs no scope. */
  readonly repository: string;
  readonly credentials: Credentials;
  readonly now: () => number;
}

interface Held extends Access {
  readonly header: string;
  readonly until: number;
}

/** What each action asks for; a wider scope is asked for only when an action needs it. */
const SCOPES: Record<Action, string> = { pull: 'pull', push: 'pull,push', delete: 'pull,push,delete' };

/** Whether what is held serves an access: a token of a wider scope serves the narrower one too. */
const serves = (held: Held, { action, from }: Access, now: number): boolean =>
  held.until > now && SCOPES[held.action].startsWith(SCOPES[action]) && (from === undefined || held.from === from);

const keyOf = ({ action, from = '' }: Access): string => `${action} ${from}`;

/**
 * The authentication to one repository: anonymous until the registry asks, then what it asks for, remembered. Tokens
 * are renewed before they end; requests that are challenged at the same time share one token.
 */
export const createAuth = ({ fetch, host, origin, repository, credentials, now }: AuthOptions): Authenticator => {
  let basic: string | undefined;
  let used: Credential | undefined;
  const tokens = new Map<string, Held>();
  const pending = new Map<string, Promise<void>>();

  const header = (access: Access): string | undefined => {
    if (basic !== undefined) return basic;
    return [...tokens.values()].find((held) => serves(held, access, now()))?.header;
  };

  const scopesOf = ({ action, from }: Access): readonly string[] => {
    if (repository === '') return [];
    const own = `repository:${repository}:${SCOPES[action]}`;
    return from === undefined ? [own] : [own, `repository:${from}:pull`];
  };

  const renew = async (challenge: Challenge, access: Access): Promise<void> => {
    const credential = await credentials(host, repository);
    used = credential;
    const hold = (token: string, until: number): void => {
      tokens.set(keyOf(access), { ...access, header: `Bearer ${token}`, until });
    };
    if (credential?.kind === 'bearer') return hold(credential.token, Number.POSITIVE_INFINITY);
    const { value, lifetime } = await fetchToken({ fetch, origin, challenge, scopes: scopesOf(access), credential });
    // Ten per cent early, so that none ends on its way.
    hold(value, now() + lifetime * 0.9);
  };

  return {
    header,
    secrets: () => [...secretsOf(used), ...[...tokens.values()].map((held) => held.header.slice('Bearer '.length))],
    challenged: async ({ text, access, sent }) => {
      // Another request was challenged meanwhile, and its answer serves this one too.
      if (header(access) !== sent) return true;
      const challenges = parseChallenges(text);
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer !== undefined) {
        for (const [key, held] of tokens) if (held.header === sent) tokens.delete(key);
        const key = keyOf(access);
        const running = pending.get(key) ?? renew(bearer, access).finally(() => pending.delete(key));
        pending.set(key, running);
        await running;
        return header(access) !== sent;
      }
      const credential = await credentials(host, repository);
      used = credential;
      if (!challenges.some(({ scheme }) => scheme === 'basic') || credential?.kind !== 'basic') return false;
      basic = basicHeader(credential.username, credential.password);
      return basic !== sent;
    },
  };
};
