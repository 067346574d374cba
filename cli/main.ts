#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context, Entry, ExitCode, Format } from './command.ts';
import { readAllText } from './files.ts';
import { colorsOf } from './output/colors.ts';
import { exitCodeOf, renderError } from './output/errors.ts';
import { statusLine } from './output/progress.ts';
import { renderData } from './output/render.ts';
import { safe, safeColors, safeMessage } from './output/terminal.ts';
import { execute, formatOf, type Globals } from './program.ts';

const { argv, env, stdin, stdout, stderr } = process;

// Compiling is half of the time to the first request: what a command imports is kept compiled, where only the user writes.
// Where that cannot be written, nothing is lost but time.
enableCompileCache(join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'waybill', 'node'));

const version = (): string => {
  // The manifest is two levels up from dist/cli and one from cli.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {}
  }
  return 'unknown';
};

/**
 * The first Ctrl-C (or TERM) asks the command to end cleanly. A second Ctrl-C ends the process at once; a TERM after either
 * does not: CI systems send both, some seconds apart, before they kill, and that time is used to end cleanly.
 */
const interruption = (): AbortSignal => {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  });
  process.on('SIGTERM', () => controller.abort());
  return controller.signal;
};

/** The terminal is gone: a command that drives a run lets go of it, any other one ends. */
const hangups = (): AbortSignal => {
  const controller = new AbortController();
  process.on('SIGHUP', () => {
    if (current?.drives !== true) process.exit(130);
    controller.abort(new Error('the terminal has gone away'));
  });
  return controller.signal;
};

/** The command that is under way, once it is known. */
let current: Entry | undefined;
/** Streams whose reader went away. */
const unread = new Set<NodeJS.WriteStream>();

for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // EIO is what a terminal says that is gone.
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    // The reader (head, less) went away: that is no failure of ours, and nobody is left to tell more.
    if (current?.drives !== true) process.exit(process.exitCode ?? 0);
    unread.add(stream);
    stream.emit('drain');
  });
}

/** Writes, and waits where the reader is behind. A reader that went away is no reason to wait. */
const handOver = (stream: NodeJS.WriteStream, text: string): void | Promise<void> => {
  if (unread.has(stream) || stream.destroyed || stream.write(text)) return;
  return new Promise((done) => {
    const end = (): void => {
      for (const event of ['drain', 'close']) stream.off(event, end);
      done();
    };
    for (const event of ['drain', 'close']) stream.on(event, end);
  });
};

const main = async (): Promise<ExitCode> => {
  const signal = interruption();
  const hangup = hangups();
  const words = argv.slice(2);
  const colors = colorsOf(env, { out: stdout.isTTY === true, err: stderr.isTTY === true });
  let format: Format = formatOf(words);
  const line = statusLine(stderr);
  const watched = stderr.isTTY === true && env.TERM !== 'dumb';
  const contextOf = (globals: Globals, entry: Entry): Context => {
    current = entry;
    format = globals.format;
    return {
      env,
      cwd: process.cwd(),
      signal,
      hangup,
      note: (message, { painted } = { painted: false }) => {
        if (globals.quiet) return;
        line.clear();
        stderr.write(`${painted ? safeColors(message, colors.err) : safeMessage(message)}\n`);
      },
      ...(watched && !globals.quiet && { status: line.show }),
      // With -o json the result is one document; what is emitted on the way goes to the other stream.
      emit: (text) => {
        line.clear();
        return handOver(format === 'text' ? stdout : stderr, `${text}\n`);
      },
      stdin: () => readAllText(stdin),
      now: Date.now,
      random: Math.random,
      format,
      colors,
    };
  };
  try {
    const called = await execute(words, version(), contextOf, (help) => stdout.write(help));
    line.clear();
    if (called === null) return 0;
    const rendered = renderData(called.outcome, called.globals.format);
    // In a file every byte is as it came; a terminal would obey some of them.
    const { painted = false } = called.outcome;
    const sendable = painted ? safeColors(rendered, colors.out) : safe(rendered);
    const shown = stdout.isTTY ? sendable : rendered;
    if (shown !== '') stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
    return called.outcome.exitCode ?? 0;
  } catch (error) {
    line.clear();
    if (signal.aborted || hangup.aborted) {
      stderr.write('interrupted\n');
      return 130;
    }
    stderr.write(renderError(error, { colors: colors.err, format, verbose: words.includes('--verbose') }));
    return exitCodeOf(error);
  }
};

// The process lives as long as the command, also while all that it waits for is a time-out: those do not hold it.
const life = setInterval(() => undefined, 2 ** 30);
process.exitCode = await main();
clearInterval(life);
// Keep-alive sockets and idle watches must not hold the process, once all output has been handed over.
await Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write('', done))));
process.exit();
