const HIDDEN = '***';

/** `Basic` and what could be base64 of a name and a password; the word alone is prose. */
const BASIC = /\b(basic\s+)([\w+/-]{4,}={0,2})/gi;
/** `Bearer` and a token: of one word, longer than words are. */
const BEARER = /\b(bearer\s+)([\w.~+/=-]{16,})/gi;
/** JSON web tokens, wherever they stand. https://www.rfc-editor.org/rfc/rfc7515#section-7.1 */
const JWT = /\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*/g;
/** Name and password in a URL. */
const USERINFO = /(\/\/)[^\s/?#@]*@/g;
const NAME = '(?:password|passwd|secret|(?:access_|refresh_|identity_?|id_|auth)?token|authorization)';
/** `"password": "…"`, `access_token=…`; not `secret: Required value`, which is how Kubernetes names a field. */
const FIELD = new RegExp(`(["']${NAME}["']\\s*:\\s*|\\b${NAME}=)("[^"]*"|'[^']*'|[^\\s,;&"'}]+)`, 'gi');

/**
 * A text of somebody else (a server's answer) without what looks like a credential: servers and proxies that are asked why
 * they refused have been seen to answer with the request. Where the secret itself is known, `known` names it, and its base64.
 */
export const conceal = (text: string, known: readonly string[] = []): string => {
  let shown = text;
  for (const secret of known.filter((one) => one.length > 0).sort((a, b) => b.length - a.length)) {
    shown = shown.replaceAll(secret, HIDDEN);
  }
  return shown
    .replace(BASIC, (all, word: string, rest: string) => (isPair(rest) ? `${word}${HIDDEN}` : all))
    .replace(BEARER, (_, word: string) => `${word}${HIDDEN}`)
    .replace(JWT, HIDDEN)
    .replace(USERINFO, (_, slashes: string) => `${slashes}${HIDDEN}@`)
    .replace(FIELD, (all, name: string, value: string) =>
      /^(?:basic|bearer)$/i.test(value) ? all : `${name}${HIDDEN}`,
    );
};

/** Whether a text is base64 of `NAME:PASSWORD`. */
const isPair = (text: string): boolean => Buffer.from(text, 'base64').toString('latin1').includes(':');
