import { conceal } from '../core/index.ts';
import type { Fetch } from './fetch.ts';

/** Bytes of an error's body that are shown. */
const BODY_CAP = 8 * 1024;
const HIDDEN = '***';

/** Headers whose value is a secret. */
const SECRET_HEADER = /^(?:proxy-)?authorization$|cookie|token|secret|password|signature|api-?key|credential/i;
/** Headers whose value is, or holds, a URL. */
const URL_HEADER = /^(?:content-)?location$|^link$|^refresh$/i;
/** Parameters of queries that say what is asked for. All others are hidden: signatures and states are secrets. */
const OPEN_PARAM = /^(?:n|last|digest|mount|from|artifacttype|scope|service|ns|client_id|grant_type)$/i;
const SECRET_FIELD = /("[^"]*(?:token|secret|password|credential|signature|auth)[^"]*"\s*:\s*")(?:[^"\\]|\\.)*"/gi;

/** A URL, or a text with URLs in it, without user names, passwords and what their queries could give away. */
const openUrl = (text: string): string =>
  text
    .replace(/(\w+:\/\/)[^/@\s?#]*@/g, `$1${HIDDEN}@`)
    .replace(/([?&;])([^=&;>\s]+)=([^&;>\s"]*)/g, (whole, before: string, name: string) =>
      OPEN_PARAM.test(decode(name)) || before === ';' ? whole : `${before}${name}=${HIDDEN}`,
    );

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const openHeader = (name: string, value: string): string => {
  if (/^(?:proxy-)?authorization$/i.test(name)) return `${/^\S+(?=\s)/.exec(value)?.[0] ?? ''} ${HIDDEN}`.trim();
  if (SECRET_HEADER.test(name)) return HIDDEN;
  return URL_HEADER.test(name) ? openUrl(value) : value;
};

const openForm = (text: string): string => openUrl(`?${text}`).slice(1);

const openBody = (text: string): string => conceal(text.replace(SECRET_FIELD, `$1${HIDDEN}"`));

/** One line, whatever the other side wrote into it. */
const line = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');

/**
 * A fetch that tells of every request and answer, a line each, with their headers and the bodies of errors, and without
 * secrets: credentials, cookies, tokens, and whatever stands in queries that is not known to be open.
 */
export const traced = (fetch: Fetch, log: (line: string) => void, now: () => number): Fetch => {
  let count = 0;
  return async (url, init = {}) => {
    count += 1;
    const id = count;
    const say = (mark: string, text: string): void => log(line(`${id} ${mark} ${text}`));
    say('>', `${init.method ?? 'GET'} ${openUrl(String(url))}`);
    for (const [name, value] of new Headers(init.headers)) say('>', `  ${name}: ${openHeader(name, value)}`);
    if (typeof init.body === 'string') say('>', `  ${openForm(init.body)}`);
    const started = now();
    try {
      const response = await fetch(url, init);
      say('<', `${response.status} ${response.statusText} (${Math.round(now() - started)} ms)`);
      for (const [name, value] of response.headers) say('<', `  ${name}: ${openHeader(name, value)}`);
      if (response.status >= 400) await bodyOf(response, (text) => say('<', `  ${openBody(text)}`));
      return response;
    } catch (error) {
      say('<', `no answer: ${error instanceof Error ? openUrl(error.message) : 'failed'}`);
      throw error;
    }
  };
};

/** Shows the body of an error, if it is text and says that it is short; the response can still be read. */
const bodyOf = async (response: Response, show: (text: string) => void): Promise<void> => {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const isText = /json|text/.test(response.headers.get('content-type') ?? '');
  if (!isText || !(length > 0 && length <= BODY_CAP)) return;
  const text = await response
    .clone()
    .text()
    .catch(() => '');
  if (text !== '') show(text);
};
