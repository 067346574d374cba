import type { z } from 'zod';

/** What the process gives to a command; nothing below `cli/main.ts` reads it from globals. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by the first Ctrl-C, and by SIGTERM. */
  readonly signal: AbortSignal;
  /** Aborted when the terminal goes away (SIGHUP); without it nobody looks for that. */
  readonly hangup?: AbortSignal;
  /** Writes progress and warnings; never results. A terminal obeys nothing in them but our colours in what is `painted`. */
  readonly note: (message: string, options?: { readonly painted: boolean }) => void;
  /** Shows how far the work is, in place of what it showed before; undefined where nobody would see it. */
  readonly status?: (text: string) => void;
  /** Writes a line of the result while the command is under way (logs of steps). */
  readonly emit: (line: string) => void | Promise<void>;
  readonly stdin: () => Promise<string>;
  readonly now: () => number;
  readonly random: () => number;
  readonly format: Format;
  readonly colors: Colors;
}

/** Where colours are wanted; NO_COLOR and FORCE_COLOR decide before what the stream is. */
export interface Colors {
  /** In the text of the outcome. */
  readonly out: boolean;
  /** In notes. */
  readonly err: boolean;
  /** Those of the steps, in their logs: they stay in a file too, as with `kubectl logs`, but for NO_COLOR. */
  readonly logs: boolean;
}

export type Format = 'text' | 'json' | 'yaml';

/** What a command returns: data for `-o json|yaml`, text for people. */
export interface Outcome {
  readonly data: unknown;
  readonly text: string;
  /** The text has colours, ours: what comes from outside was made safe before. */
  readonly painted?: boolean;
  readonly exitCode?: ExitCode;
}

/** 0 done · 1 the run failed, or lint has findings · 2 wrong usage or invalid input · 3 not found or not reachable · 4 refused by policy or lock · 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130;

export interface Option {
  /** As commander writes it: `-t, --tag <ref>`. */
  readonly flags: string;
  readonly says: string;
  /** May be given several times; the value is an array. */
  readonly repeat?: boolean;
  readonly required?: boolean;
  readonly choices?: readonly string[];
  readonly default?: string;
}

export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Those of `table` that were given, by their long flags (`--pods`); only for options without a default. */
export const givenOf = (table: readonly Option[], options: Options): readonly string[] =>
  table.flatMap(({ flags }) => {
    const flag = /--[a-z-]+/.exec(flags)?.[0] ?? flags;
    const off = flag.startsWith('--no-');
    const key = flag.slice(off ? 5 : 2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    // What can only be switched off is on where it is not given.
    return (off ? options[key] === false : options[key] !== undefined) ? [flag] : [];
  });

export interface Command {
  /** `<path...>`, `<ref>`, `[name]`, as commander writes them. */
  readonly arguments: readonly {
    readonly name: string;
    readonly says: string;
    readonly choices?: readonly string[];
  }[];
  readonly options: readonly Option[];
  readonly example: string;
  /** Shape of `-o json`; docs/output.schema.json is generated from it. */
  readonly output: z.ZodType;
  /** Further formats for `-o`, each a text made of the data. */
  readonly formats?: Readonly<Record<string, (data: unknown) => string>>;
  readonly run: (context: Context, args: readonly (string | readonly string[])[], options: Options) => Promise<Outcome>;
}

/** Name and summary stand apart from the command, so that `--help` loads none of them. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
  /** Goes on when the reader of its output goes away: without its driver a run would stand still. */
  readonly drives?: boolean;
}
