import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import { WaybillError } from 'waybill';
import type { Command, Context, Entry, Format, Option, Options, Outcome } from './command.ts';
import { COMMANDS } from './commands/index.ts';

/** What the surroundings of a command need to know before it runs. */
export interface Globals {
  readonly format: Format;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

interface Called {
  readonly outcome: Outcome;
  readonly globals: Globals;
}

const GLOBAL: readonly Option[] = [
  { flags: '-o, --output <format>', says: 'text, json or yaml', choices: ['text', 'json', 'yaml'], default: 'text' },
  { flags: '-q, --quiet', says: 'no progress and no warnings' },
  { flags: '--verbose', says: 'say more of what is done' },
];

const optionOf = ({ flags, says, repeat, required, choices, default: initial }: Option): CommanderOption => {
  const option = new CommanderOption(flags, says);
  if (repeat) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  if (required) option.makeOptionMandatory();
  if (choices) option.choices([...choices]);
  if (initial !== undefined) option.default(initial);
  return option;
};

const isCalled = ({ name }: Entry, words: readonly string[]): boolean => {
  const named = name.split(' ');
  return named.every((word, index) => words[index] === word);
};

/**
 * Runs what argv (without node and script) asks for. Only the command that is called is loaded. Throws `Usage` for a wrong
 * call, and whatever the command throws; returns null when help or the version was printed.
 */
export const execute = async (
  argv: readonly string[],
  version: string,
  contextOf: (globals: Globals) => Context,
  print: (text: string) => void,
): Promise<Called | null> => {
  let called: Called | null = null;
  const root = new Commander('waybill')
    .description('Pack, sign, resolve and run Tekton Tasks and Pipelines')
    .version(version, '-v, --version')
    .helpCommand(false)
    .configureHelp({ sortSubcommands: false })
    .configureOutput({ writeOut: print, writeErr: () => undefined })
    .exitOverride();
  const words = argv.filter((word) => !word.startsWith('-'));

  for (const entry of COMMANDS) {
    const path = entry.name.split(' ');
    const parent = path
      .slice(0, -1)
      .reduce((above, word) => above.commands.find((c) => c.name() === word) ?? group(above, word), root);
    const node = parent
      .command(path.at(-1) as string)
      .description(entry.summary)
      .exitOverride();
    if (!isCalled(entry, words)) continue;
    const { command } = await entry.load();
    describe(node, command, entry);
    node.action(async (...given: unknown[]) => {
      const options = given.at(-2) as Options;
      const globals = {
        format: options.output as Format,
        quiet: options.quiet === true,
        verbose: options.verbose === true,
      };
      const args = given.slice(0, -2).filter((value) => value !== undefined) as (string | readonly string[])[];
      called = { outcome: await command.run(contextOf(globals), args, options), globals };
    });
  }

  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    if (error.code === 'commander.help') {
      print(root.helpInformation());
      throw new WaybillError('Usage', 'no command was given');
    }
    throw new WaybillError('Usage', error.message.replace(/^error: /, ''), {
      hint: `see waybill ${words[0] ?? ''} --help`,
    });
  }
  return called;
};

const group = (above: Commander, word: string): Commander =>
  above.command(word).description(`commands about ${word}`).exitOverride();

const describe = (node: Commander, command: Command, entry: Entry): void => {
  for (const { name, says } of command.arguments) node.argument(name, says);
  for (const option of [...command.options, ...GLOBAL]) node.addOption(optionOf(option));
  node.addHelpText('after', `\nExample:\n  ${command.example.split('\n').join('\n  ')}`);
  node.usage(`${command.arguments.map(({ name }) => name).join(' ')} [options]`);
  node.summary(entry.summary);
};
