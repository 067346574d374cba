import { Argument, CommanderError, Command as Node, Option as NodeOption } from 'commander';
import { WaybillError } from 'waybill';
import type { Command, Context, Entry, Format, Option, Options, Outcome } from './command.ts';
import { COMMANDS } from './commands/index.ts';

/** What the surroundings of a command need to know before it runs. */
export interface Globals {
  readonly format: Format;
  readonly quiet: boolean;
}

interface Called {
  readonly entry: Entry;
  readonly outcome: Outcome;
  readonly globals: Globals;
}

const FORMATS: readonly Format[] = ['text', 'json', 'yaml'];

/** Options of every command. */
export const GLOBAL: readonly Option[] = [
  { flags: '-o, --output <format>', says: 'format of the result', choices: FORMATS, default: 'text' },
  { flags: '-q, --quiet', says: 'no progress and no warnings' },
  { flags: '--verbose', says: 'say what caused an error, too' },
];

const MORE = `
waybill COMMAND --help says more of a command, with an example.
Exit codes: 0 done; 1 the run failed, or lint has findings; 2 wrong usage or invalid input; 3 not found or not reachable;
4 refused by policy or lock; 130 interrupted.`;

/** Options that may stand before the command, and whether a value follows. */
const EARLY: ReadonlyMap<string, boolean> = new Map([
  ['-o', true],
  ['--output', true],
  ['-q', false],
  ['--quiet', false],
  ['--verbose', false],
]);

interface Route {
  /** The command that is called; undefined where none is, or none of that name. */
  readonly entry: Entry | undefined;
  /** Words of the command that were found. */
  readonly words: readonly string[];
  /** All that stands beside these words. */
  readonly args: readonly string[];
}

const route = (argv: readonly string[], entries: readonly Entry[]): Route => {
  if (argv[0] === 'help') {
    const words = argv.slice(1).filter((word) => !word.startsWith('-'));
    const found = route(words, entries);
    // Help for what does not exist is a call of it, and fails as that does.
    return { ...found, args: found.entry === undefined && found.args.length > 0 ? found.args : ['--help'] };
  }
  const early: string[] = [];
  const words: string[] = [];
  let rest = argv;
  for (let next = rest[0]; next !== undefined; next = rest[0]) {
    const takes = EARLY.get(next) ?? (/^(?:-o.|--output=)/.test(next) ? false : undefined);
    if (takes !== undefined) {
      early.push(...rest.slice(0, takes ? 2 : 1));
      rest = rest.slice(takes ? 2 : 1);
      continue;
    }
    const path = [...words, next].join(' ');
    if (!entries.some(({ name }) => name === path || name.startsWith(`${path} `))) break;
    words.push(next);
    rest = rest.slice(1);
    const entry = entries.find(({ name }) => name === path);
    if (entry !== undefined) return { entry, words, args: [...early, ...rest] };
  }
  return { entry: undefined, words, args: rest };
};

/** The format that argv asks for, also where the rest of it is wrong: an error is told in that format. */
export const formatOf = (argv: readonly string[]): Format => {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const asked = words.flatMap((word, index) => {
    if (word === '-o' || word === '--output') return [words[index + 1]];
    return /^(?:-o|--output=)(.+)$/s.exec(word)?.[1] ?? [];
  });
  return FORMATS.find((format) => format === asked.at(-1)) ?? 'text';
};

/**
 * Runs what argv (without node and script) asks for. Only the command that is called is loaded. Throws `Usage` for a wrong
 * call, and whatever the command throws; returns null when help or the version was printed.
 */
export const execute = async (
  argv: readonly string[],
  version: string,
  contextOf: (globals: Globals, entry: Entry) => Context,
  print: (text: string) => void,
  entries: readonly Entry[] = COMMANDS,
): Promise<Called | null> => {
  const { entry, words, args } = route(argv, entries);
  if (entry === undefined) {
    await parse(tree(entries, version), [...words, ...args], words, print);
    return null;
  }
  const { command } = await entry.load();
  let called: Called | null = null;
  const node = nodeOf(entry, command).action(async (...given: unknown[]) => {
    const options = given.at(-2) as Options;
    const render = command.formats?.[options.output as string];
    // What a further format is made of is data, and what is said on the way must not stand before it.
    const format: Format = render === undefined ? (options.output as Format) : 'json';
    const globals = { format, quiet: options.quiet === true };
    const values = given.slice(0, -2).filter((value) => value !== undefined) as (string | readonly string[])[];
    const outcome = await command.run(contextOf(globals, entry), values, options);
    called =
      render === undefined
        ? { entry, outcome, globals }
        : { entry, outcome: { ...outcome, text: render(outcome.data) }, globals: { ...globals, format: 'text' } };
  });
  await parse(node, args, words, print);
  return called;
};

/** The command of its own, so that its options are known wherever they stand. */
const nodeOf = (entry: Entry, { arguments: named, options, example, formats = {} }: Command): Node => {
  const node = new Node(`waybill ${entry.name}`)
    .description(entry.summary)
    .usage([...named.map(({ name }) => name), '[options]'].join(' '))
    .helpOption('-h, --help', 'show this help');
  for (const { name, says, choices } of named) {
    const argument = new Argument(name, says);
    node.addArgument(choices === undefined ? argument : argument.choices([...choices]));
  }
  const more = Object.keys(formats);
  const global = GLOBAL.map((option) =>
    option.choices === FORMATS ? { ...option, choices: [...FORMATS, ...more] } : option,
  );
  for (const option of [...options, ...global]) node.addOption(optionOf(option));
  return node.addHelpText('after', `\nExample:\n  ${example.split('\n').join('\n  ')}`);
};

const optionOf = ({ flags, says, repeat, required, choices, default: initial }: Option): NodeOption => {
  const option = new NodeOption(flags, repeat ? `${says} (may be repeated)` : says);
  if (choices) option.choices([...choices]);
  if (repeat) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  if (required) option.makeOptionMandatory();
  if (initial !== undefined) option.default(initial);
  return option;
};

/** All commands by name and summary: for help, the version, and calls of what does not exist. */
const tree = (entries: readonly Entry[], version: string): Node => {
  const root = new Node('waybill')
    .description('Pack, sign, resolve and run Tekton Tasks and Pipelines')
    .usage('COMMAND [options]')
    .version(version, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', MORE);
  for (const { name, summary } of entries) {
    const path = name.split(' ');
    const above = path
      .slice(0, -1)
      .reduce(
        (node, word) =>
          node.commands.find((child) => child.name() === word) ??
          node.command(word).description(`commands about ${word}`).usage('COMMAND [options]').helpCommand(false),
        root,
      );
    above.command(path.at(-1) as string).description(summary);
  }
  return root;
};

/** Parses and acts; help and version are printed, and everything that is wrong is `Usage`. */
const parse = async (
  node: Node,
  args: readonly string[],
  words: readonly string[],
  print: (text: string) => void,
): Promise<void> => {
  let help = '';
  for (const one of [node, ...node.commands, ...node.commands.flatMap(({ commands }) => commands)]) {
    one.exitOverride().configureOutput({
      writeOut: print,
      writeErr: (text) => {
        help += text;
      },
    });
  }
  try {
    await node.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    if (error.code === 'commander.help') {
      print(help);
      throw new WaybillError('Usage', 'no command was given');
    }
    const [message = '', suggestion] = error.message
      .replace(/^error: (?:command-argument value (?='))?/, '')
      .split('\n');
    const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion ?? '')?.[1];
    const hint = `${meant === undefined ? '' : `did you mean ${meant}? `}see ${['waybill', ...words].join(' ')} --help`;
    throw new WaybillError('Usage', message, { hint });
  }
};
