#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Context, ExitCode, Format } from './command.ts';
import { exitCodeOf, renderError } from './output/errors.ts';
import { renderData } from './output/render.ts';
import { execute, type Globals } from './program.ts';

const version = (): string => {
  // The manifest is two levels up from dist/cli and one from cli.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {}
  }
  return 'unknown';
};

/** The first Ctrl-C (or TERM) asks the command to end cleanly, the second ends the process at once. */
const interruption = (): AbortSignal => {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
};

const main = async (): Promise<ExitCode> => {
  const signal = interruption();
  const colors = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  let format: Format = 'text';
  const contextOf = (globals: Globals): Context => {
    format = globals.format;
    return {
      env: process.env,
      cwd: process.cwd(),
      signal,
      note: (line) => globals.quiet || process.stderr.write(`${line}\n`),
      // With -o json the result is one document; what is emitted on the way goes to the other stream.
      emit: (line) => (format === 'text' ? process.stdout : process.stderr).write(`${line}\n`),
      stdin: () => text(process.stdin),
      now: Date.now,
      random: Math.random,
      format: globals.format,
      verbose: globals.verbose,
    };
  };
  try {
    const called = await execute(process.argv.slice(2), version(), contextOf, (help) => process.stdout.write(help));
    if (called === null) return 0;
    const rendered = await renderData(called.outcome, called.globals.format);
    if (rendered !== '') process.stdout.write(rendered.endsWith('\n') ? rendered : `${rendered}\n`);
    return called.outcome.exitCode ?? 0;
  } catch (error) {
    if (signal.aborted) {
      process.stderr.write('interrupted\n');
      return 130;
    }
    process.stderr.write(renderError(error, { colors, format, verbose: process.argv.includes('--verbose') }));
    return exitCodeOf(error);
  }
};

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader (head, less) went away: that is no failure of ours.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main();
// Keep-alive sockets and idle watches must not hold the process; all output has been handed over by now.
if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
process.stdout.once('drain', () => process.exit());
