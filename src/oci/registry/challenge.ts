/** One challenge of a `WWW-Authenticate` header. Scheme and parameter names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAM = new RegExp(`^(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`);
const SCHEME = new RegExp(`^(${TOKEN})(?=\\s|,|$)`);
/** Longest header that is read, in characters. */
const CAP = 8192;

/**
 * The challenges of a `WWW-Authenticate` header, in their order. Several may stand in one header, parted by the same
 * commas as their parameters; quoted values may hold commas. What follows something unreadable is left out.
 * https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export const parseChallenges = (header: string): readonly Challenge[] => {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  let rest = header.slice(0, CAP).replace(/^[\s,]+/, '');
  while (rest !== '') {
    const param = PARAM.exec(rest);
    const current = challenges.at(-1);
    if (param !== null && current !== undefined) {
      const [whole, name = '', quoted, plain = ''] = param;
      current.params[name.toLowerCase()] = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
      rest = rest.slice(whole.length);
    } else {
      const scheme = SCHEME.exec(rest);
      if (scheme === null) break;
      challenges.push({ scheme: (scheme[1] as string).toLowerCase(), params: {} });
      rest = rest.slice(scheme[0].length);
    }
    rest = rest.replace(/^[\s,]+/, '');
  }
  return challenges;
};
