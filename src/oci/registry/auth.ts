import type { Fetch } from '../../http/index.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credentials } from './credential.ts';
import { fetchToken } from './token.ts';

export type Action = 'pull' | 'push' | 'delete';

export interface Authenticator {
  /** The `Authorization` header for an action, if one is known to be needed. */
  header(action: Action): string | undefined;
  /** Answers a 401: true if there is now another header to try with. */
  challenged(challenge: Challenged): Promise<boolean>;
}

interface Challenged {
  /** The `WWW-Authenticate` header. */
  readonly text: string;
  readonly action: Action;
  /** The `Authorization` header that was refused, if there was one. */
  readonly sent: string | undefined;
}

export interface AuthOptions {
  readonly fetch: Fetch;
  readonly host: string;
  /** `https://API-HOST` */
  readonly origin: string;
  readonly repository: string;
  readonly credentials: Credentials;
  readonly now: () => number;
}

/** What each action asks for; a wider scope is asked for only when an action needs it. */
const SCOPES: Record<Action, string> = { pull: 'pull', push: 'pull,push', delete: 'pull,push,delete' };

/**
 * The authentication to one repository: anonymous until the registry asks, then what it asks for, remembered. Tokens
 * are renewed before they end; requests that are challenged at the same time share one token.
 */
export const createAuth = ({ fetch, host, origin, repository, credentials, now }: AuthOptions): Authenticator => {
  let basic: string | undefined;
  const tokens = new Map<Action, { readonly header: string; readonly until: number }>();
  const pending = new Map<Action, Promise<void>>();

  const header = (action: Action): string | undefined => {
    if (basic !== undefined) return basic;
    // A token of a wider scope serves the narrower one too.
    const fitting = (['pull', 'push', 'delete'] as const).filter((each) => SCOPES[each].startsWith(SCOPES[action]));
    return fitting.map((each) => tokens.get(each)).find((token) => token !== undefined && token.until > now())?.header;
  };

  const renew = async (challenge: Challenge, action: Action): Promise<void> => {
    const credential = await credentials(host, repository);
    if (credential?.kind === 'bearer') {
      tokens.set(action, { header: `Bearer ${credential.token}`, until: Number.POSITIVE_INFINITY });
      return;
    }
    const scopes = [`repository:${repository}:${SCOPES[action]}`];
    const { value, lifetime } = await fetchToken({ fetch, origin, challenge, scopes, credential });
    // Ten per cent early, so that none ends on its way.
    tokens.set(action, { header: `Bearer ${value}`, until: now() + lifetime * 0.9 });
  };

  return {
    header,
    challenged: async ({ text, action, sent }) => {
      // Another request was challenged meanwhile, and its answer serves this one too.
      if (header(action) !== sent) return true;
      const challenges = parseChallenges(text);
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer !== undefined) {
        tokens.delete(action);
        const running = pending.get(action) ?? renew(bearer, action).finally(() => pending.delete(action));
        pending.set(action, running);
        await running;
        return header(action) !== sent;
      }
      const credential = await credentials(host, repository);
      if (!challenges.some(({ scheme }) => scheme === 'basic') || credential?.kind !== 'basic') return false;
      basic = basicHeader(credential.username, credential.password);
      return basic !== sent;
    },
  };
};
