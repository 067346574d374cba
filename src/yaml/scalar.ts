/** What a plain scalar can be once Kubernetes has turned YAML into JSON. */
export type PlainValue = string | number | boolean | null;

/** A number that YAML can write and JSON or JavaScript cannot hold. */
export interface BadNumber {
  readonly problem: 'unsafe-number';
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(
    ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((t) => [t, true]),
  ),
  ...Object.fromEntries(
    ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((t) => [t, false]),
  ),
};
const NULLS = ['', '~', 'null', 'Null', 'NULL'];
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/**
 * The value of a plain (unquoted) scalar as Kubernetes reads it. Kubernetes uses sigs.k8s.io/yaml, that is YAML 1.1 as
 * go-yaml v2 knows it: `yes`, `no`, `on`, `off`, `y` and `n` are booleans, `0644` is octal, `1_000` is a thousand; base
 * 60 and timestamps stay strings. https://github.com/yaml/go-yaml/blob/v2.4.0/resolve.go
 */
export const resolvePlain = (text: string): PlainValue | BadNumber => {
  if (Object.hasOwn(BOOLEANS, text)) return BOOLEANS[text] as boolean;
  if (NULLS.includes(text)) return null;
  if (NOT_FINITE.test(text)) return { problem: 'unsafe-number' };
  if (!/^[-+.\d]/.test(text)) return text;
  const digits = /^[-+\d]/.test(text) ? text.replaceAll('_', '') : text;
  const integer = INTEGER.exec(digits);
  if (integer !== null) return integerOf(integer);
  if (!FLOAT.test(digits)) return text;
  const float = Number(digits);
  return Number.isFinite(float) ? float : text;
};

const integerOf = ([, sign, hex, binary, octal, decimal]: RegExpExecArray): number | BadNumber => {
  const size =
    hex !== undefined
      ? Number.parseInt(hex, 16)
      : binary !== undefined
        ? Number.parseInt(binary, 2)
        : octal !== undefined
          ? Number.parseInt(octal, 8)
          : Number(decimal);
  if (!Number.isSafeInteger(size)) return { problem: 'unsafe-number' };
  return sign === '-' && size !== 0 ? -size : size;
};
