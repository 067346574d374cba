import { WaybillError } from './errors.ts';

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a Go duration such as `1h30m`, `1.5s` or `0`; throws `InvalidInput`.
 * https://pkg.go.dev/time#ParseDuration
 */
export const parseDuration = (text: string): number => {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (text === '0') return 0;
  if (match === null) {
    throw new WaybillError('InvalidInput', `"${text}" is no duration`, { hint: 'write it like 1h30m, 90s or 500ms' });
  }
  const parts = text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g);
  const total = [...parts].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit as string] as number),
    0,
  );
  return match[1] === '-' ? -total : total;
};

/** A Go duration of milliseconds: `1h0m0s`, `1m30s`, `500ms`, `0s`, as Go's `Duration.String` prints it. */
export const formatDuration = (milliseconds: number): string => {
  if (milliseconds === 0) return '0s';
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = Number(((milliseconds % 60_000) / 1000).toFixed(3));
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
};
