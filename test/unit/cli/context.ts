import type { Context } from '../../../cli/command.ts';

/** What a process gives to a command, with nothing in it: nothing is said, and no time goes by. */
export const CONTEXT = {
  env: {},
  cwd: '/',
  signal: new AbortController().signal,
  note: () => undefined,
  emit: () => undefined,
  stdin: async () => '',
  now: () => 0,
  random: () => 0,
  format: 'text',
  colors: { out: false, err: false, logs: false },
} as const satisfies Context;
