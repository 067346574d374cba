/** Powers of ten and of two that a quantity's suffix stands for. `m`, `u` and `n` are fractions. */
const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** An exponent, not the suffix E: digits follow it. */
const QUANTITY = /^(?<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:[eE](?<exponent>[+-]?\d+)|(?<suffix>[numkMGTPE]|[KMGTPE]i)?)$/;

/**
 * A quantity of Kubernetes (`100m`, `1.5Gi`, `1e3`) in whole small units: thousandths of a processor for `cpu`, bytes (or
 * pieces) for all else, rounded up. Undefined for a text that is none.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export const parseQuantity = (resource: string, text: unknown): number | undefined => {
  const { number, exponent, suffix = '' } = QUANTITY.exec(String(text))?.groups ?? {};
  if (number === undefined) return undefined;
  const factor = exponent === undefined ? (SUFFIXES[suffix] ?? 1) : 10 ** Number(exponent);
  const units = Number(number) * factor * (resource === 'cpu' ? 1000 : 1);
  // 0.1 * 1000 is 100.00000000000001 for some: that is no reason to round up.
  const near = Math.round(units);
  const whole = Math.abs(units - near) <= 1e-9 * Math.abs(units) ? near : Math.ceil(units);
  return Number.isFinite(whole) ? whole : undefined;
};

/** What {@link parseQuantity} reads, in Kubernetes' canonical form for the sizes that occur here. */
export const formatQuantity = (resource: string, units: number): string => {
  if (resource === 'cpu') return units % 1000 === 0 ? String(units / 1000) : `${units}m`;
  const [suffix = '', factor = 1] =
    (['Gi', 'Mi', 'Ki'] as const)
      .map((name) => [name, SUFFIXES[name] ?? 1] as const)
      .find(([, size]) => units > 0 && units % size === 0) ?? [];
  return `${units / factor}${suffix}`;
};
