import type { Colors } from '../command.ts';

type Env = Readonly<Record<string, string | undefined>>;
interface Terminals {
  readonly out: boolean;
  readonly err: boolean;
}

/**
 * Colours on terminals only; FORCE_COLOR wants them everywhere (`0`: nowhere), NO_COLOR nowhere, and NO_COLOR wins.
 * https://no-color.org https://force-color.org
 */
export const colorsOf = (env: Env, isTerminal: Terminals): Colors => {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '', TERM: term } = env;
  if (no !== '' || force === '0' || force === 'false') return { out: false, err: false, logs: false };
  if (force !== '') return { out: true, err: true, logs: true };
  const able = term !== 'dumb';
  return { out: able && isTerminal.out, err: able && isTerminal.err, logs: able || !isTerminal.out };
};
