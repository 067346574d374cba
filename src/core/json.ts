export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * JSON with sorted keys, no white space, and no keys whose value is undefined: the same value gives the same bytes on
 * every machine. Keys sort by UTF-16 units, as in RFC 8785; numbers are written as ECMAScript writes them.
 */
export const canonicalJson = (value: Json): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as Json)}`);
  return `{${members.join(',')}}`;
};

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
