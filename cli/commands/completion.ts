import { z } from 'zod';
import type { Command, Option } from '../command.ts';
import { GLOBAL } from '../program.ts';
import { COMMANDS } from './index.ts';

/** What a shell needs to know of a command. */
interface Known {
  /** `keys generate` */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Flag[];
  /** What its first argument may be, where that is a choice. */
  readonly choices: readonly string[];
}

interface Flag {
  readonly short: string | undefined;
  readonly long: string;
  readonly takesValue: boolean;
  readonly says: string;
  readonly choices: readonly string[];
}

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export const command: Command = {
  arguments: [{ name: '<shell>', says: 'whose script to print', choices: SHELLS }],
  options: [],
  example: [
    'source <(waybill completion bash)          # in ~/.bashrc',
    'source <(waybill completion zsh)           # in ~/.zshrc, behind compinit',
    'waybill completion fish | source           # in ~/.config/fish/config.fish',
  ].join('\n'),
  output: z.object({ shell: z.enum(SHELLS), script: z.string() }),
  run: async (_, [given]) => {
    const shell = given as Shell;
    const script = SCRIPTS[shell](await known());
    return { data: { shell, script }, text: script };
  },
};

const known = (): Promise<readonly Known[]> =>
  Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => {
      const { command: loaded } = await load();
      const choices = loaded.arguments[0]?.choices ?? [];
      return { name, summary, options: [...loaded.options, ...GLOBAL].map(flagOf), choices };
    }),
  );

const flagOf = ({ flags, says, choices = [] }: Option): Flag => ({
  short: /(?:^|\s)(-\w)\b/.exec(flags)?.[1],
  long: /--[\w-]+/.exec(flags)?.[0] ?? '',
  takesValue: flags.includes('<'),
  says,
  choices,
});

const namesOf = ({ short, long }: Flag): readonly string[] => (short === undefined ? [long] : [short, long]);

/** The words that may follow some words of a command, with what they mean; those of `''` begin a call. */
const following = (commands: readonly Known[]): ReadonlyMap<string, readonly (readonly [string, string])[]> => {
  const found = new Map<string, (readonly [string, string])[]>();
  for (const { name, summary } of commands) {
    const path = name.split(' ');
    path.forEach((word, index) => {
      const before = path.slice(0, index).join(' ');
      const words = found.get(before) ?? [];
      if (words.some(([other]) => other === word)) return;
      found.set(before, [...words, [word, index === path.length - 1 ? summary : `commands about ${word}`]]);
    });
  }
  return found;
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Lines of a `case` over the words so far: each step of each command is taken as one. */
const steps = (commands: readonly Known[]): string =>
  [...following(commands)].flatMap(([before, words]) => words.map(([word]) => quote(`${before} ${word}`))).join(' | ');

const bash = (commands: readonly Known[]): string => `# bash completion for waybill
_waybill() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
      ${steps(commands)}) command=\${command:+$command }$word ;;
    esac
  done
  case "$command" in
${[...following(commands)].map(([before, words]) => `    ${quote(before)}) words=${quote(words.map(([word]) => word).join(' '))} ;;`).join('\n')}
${commands.map(({ name, options, choices }) => `    ${quote(name)}) words=${quote(choices.join(' '))}; [[ $cur == -* ]] && words=${quote(options.flatMap(namesOf).join(' '))} ;;`).join('\n')}
  esac
  case "$command $prev" in
${valuesOf(commands)
  .map(([words, choices]) => `    ${words.map(quote).join(' | ')}) words=${quote(choices.join(' '))} ;;`)
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _waybill waybill
`;

/** For each option with choices, the calls that ask for them: `run --pods`. */
const valuesOf = (commands: readonly Known[]): readonly (readonly [readonly string[], readonly string[]])[] =>
  commands.flatMap(({ name, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map((flag) => [namesOf(flag).map((one) => `${name} ${one}`), flag.choices] as const),
  );

const described = (words: readonly (readonly [string, string])[]): string =>
  words.map(([word, says]) => quote(`${word}:${says}`)).join(' ');

const zsh = (commands: readonly Known[]): string => `#compdef waybill
# zsh completion for waybill
_waybill() {
  local command= word
  local -a found
  for word in \${words[2,CURRENT-1]}; do
    case "$command $word" in
      ${steps(commands)}) command=\${command:+$command }$word ;;
    esac
  done
  case "$command \${words[CURRENT-1]}" in
${valuesOf(commands)
  .map(([words, choices]) => `    ${words.map(quote).join(' | ')}) compadd ${choices.join(' ')}; return ;;`)
  .join('\n')}
  esac
  case "$command" in
${[...following(commands)].map(([before, words]) => `    ${quote(before)}) found=(${described(words)}); _describe command found; return ;;`).join('\n')}
${commands.map(({ name, options }) => `    ${quote(name)}) found=(${described(options.flatMap((flag) => namesOf(flag).map((one) => [one, flag.says] as const)))}) ;;`).join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe option found; return; fi
  case "$command" in
${commands
  .filter(({ choices }) => choices.length > 0)
  .map(({ name, choices }) => `    ${quote(name)}) compadd ${choices.join(' ')}; return ;;`)
  .join('\n')}
  esac
  _files
}
compdef _waybill waybill
`;

const fishText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const fish = (commands: readonly Known[]): string => {
  const at = (path: string): string =>
    path === ''
      ? '__fish_use_subcommand'
      : path
          .split(' ')
          .map((word) => `__fish_seen_subcommand_from ${word}`)
          .join('; and ');
  const lines = ['# fish completion for waybill'];
  for (const [before, words] of following(commands)) {
    const none = before === '' ? '' : `; and not __fish_seen_subcommand_from ${words.map(([word]) => word).join(' ')}`;
    for (const [word, says] of words)
      lines.push(`complete -c waybill -f -n ${fishText(at(before) + none)} -a ${word} -d ${fishText(says)}`);
  }
  for (const { name, options, choices: first } of commands) {
    if (first.length > 0) lines.push(`complete -c waybill -f -n ${fishText(at(name))} -a ${fishText(first.join(' '))}`);
    for (const { short, long, takesValue, says, choices } of options) {
      const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
      const value = choices.length > 0 ? ` -x -a ${fishText(choices.join(' '))}` : takesValue ? ' -r' : '';
      lines.push(`complete -c waybill -n ${fishText(at(name))} ${names}${value} -d ${fishText(says)}`);
    }
  }
  return `${lines.join('\n')}\n`;
};

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Known[]) => string>> = { bash, zsh, fish };
