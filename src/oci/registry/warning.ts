/** Longest header that is read, longest text that is passed on, in characters, and how many of them. */
const CAP = 4096;
const TEXT_CAP = 300;
const MOST = 10;

const WARNING = /(?:^|,)\s*299\s+\S+\s+"((?:[^"\\]|\\.)*)"/g;

/**
 * The texts of `Warning: 299 - "…"` headers, by which a registry speaks to its users: a limit that comes near, an API
 * that goes away. Other codes are for caches. Without control characters, and cut short: the text is the registry's.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export const warningsOf = (header: string | null): readonly string[] =>
  [...(header ?? '').slice(0, CAP).matchAll(WARNING)]
    .slice(0, MOST)
    .map(([, text = '']) =>
      text
        .replace(/\\(.)/g, '$1')
        .replace(/\p{Cc}+/gu, ' ')
        .trim()
        .slice(0, TEXT_CAP),
    )
    .filter((text) => text !== '');
