/**
 * The parts of docs/ that follow from code: the command table, the output schemas, the error codes, Roles and rights. Run it after a change of
 * one of them: `npx node --conditions=@waybill/source scripts/docs.ts && npx biome format --write docs/output.schema.json`. `test/unit/cli/docs.test.ts` holds them to the code.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Command, Entry, Option } from '../cli/command.ts';
import { COMMANDS } from '../cli/commands/index.ts';
import { exitCodeOfKind } from '../cli/output/errors.ts';
import { ERROR } from '../cli/output/schema.ts';
import { widthOf } from '../cli/output/terminal.ts';
import { GLOBAL } from '../cli/program.ts';
import { CODES } from '../src/core/codes.ts';
import { FINDINGS } from '../src/core/findings.ts';
import { RULES } from '../src/lint/index.ts';
import { rightRows, roleFiles } from './rbac.ts';

interface Loaded extends Entry {
  readonly command: Command;
}

const load = (): Promise<readonly Loaded[]> =>
  Promise.all(COMMANDS.map(async (entry) => ({ ...entry, command: (await entry.load()).command })));

/** One definition a command, by its words joined with `-`; `error` is what a failed one prints on standard error. */
const outputSchema = (commands: readonly Loaded[]): string => {
  const shape = (schema: z.ZodType): object => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema);
    return rest;
  };
  const all = [...commands.map(({ name, command }) => [name.replace(' ', '-'), shape(command.output)] as const)];
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Output of waybill -o json',
    description:
      'One definition for each command: what it prints on standard output with -o json or -o yaml. "error" is what a command that fails prints on standard error with -o json.',
    $defs: Object.fromEntries([...all, ['error', shape(ERROR)]]),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
};

const GENERATED = '<!-- Written by scripts/docs.ts; do not edit. -->';

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/<(?=[a-z])/g, '&lt;');

/** A table as the formatter lays it out: cells padded to the widest. */
const rows = (heads: readonly string[], lines: readonly (readonly string[])[]): string => {
  const widths = heads.map((_, column) => Math.max(3, ...[heads, ...lines].map((line) => widthOf(line[column] ?? ''))));
  const pad = (text: string, column: number): string => text + ' '.repeat((widths[column] ?? 0) - widthOf(text));
  return [heads, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((line) => `| ${line.map(pad).join(' | ')} |`)
    .join('\n');
};

const optionRow = ({ flags, says, repeat, required, choices, default: initial }: Option): readonly string[] => {
  const notes = [
    ...(choices ? [`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`] : []),
    ...(initial === undefined ? [] : [`default \`${initial}\``]),
    ...(required ? ['required'] : []),
    ...(repeat ? ['may be repeated'] : []),
  ];
  return [`\`${flags.replaceAll('|', '\\|')}\``, cell(says) + (notes.length > 0 ? ` (${notes.join('; ')})` : '')];
};

const commandText = ({ name, summary, command: { arguments: named, options, example, formats } }: Loaded): string =>
  [
    `## waybill ${name}`,
    `${capital(summary)}.`,
    `\`\`\`\nwaybill ${[name, ...named.map((one) => one.name), '[options]'].join(' ')}\n\`\`\``,
    ...(named.length > 0
      ? [
          rows(
            ['argument', ''],
            named.map((one) => [
              `\`${one.name}\``,
              cell(one.says) + (one.choices ? ` (${one.choices.map((choice) => `\`${choice}\``).join(', ')})` : ''),
            ]),
          ),
        ]
      : []),
    ...(options.length > 0 ? [rows(['option', ''], options.map(optionRow))] : []),
    ...(formats === undefined
      ? []
      : [
          `Further formats for \`-o\`: ${Object.keys(formats)
            .map((name) => `\`${name}\``)
            .join(', ')}.`,
        ]),
    `\`\`\`sh\n${example}\n\`\`\``,
  ].join('\n\n');

const commandsText = (commands: readonly Loaded[]): string =>
  [
    '# Commands',
    GENERATED,
    'References are written as [references.md](references.md) says. The shape of `-o json` and `-o yaml` is in [output.schema.json](output.schema.json); errors and exit codes are in [errors.md](errors.md).',
    rows(
      ['command', ''],
      commands.map(({ name, summary }) => [`[\`${name}\`](#waybill-${name.replace(' ', '-')})`, cell(summary)]),
    ),
    'Options of every command, which may also stand before it:',
    rows(['option', ''], GLOBAL.map(optionRow)),
    'Colours are used on terminals. `NO_COLOR` turns them off, those of steps in logs too; `FORCE_COLOR` turns them on everywhere.',
    ...commands.map(commandText),
  ].join('\n\n');

const errorsText = (): string =>
  [
    '# Errors and findings',
    GENERATED,
    'A command that fails says on standard error what failed, why and what to do; with `-o json` as one line of JSON, `{"error": {"code", "message", "hint", "diagnostics"}}` (see [output.schema.json](output.schema.json)). Codes keep their meaning; texts may change.',
    '## Exit codes',
    rows(
      ['code', 'meaning'],
      [
        ['0', 'done'],
        ['1', 'the run failed, or `lint` has findings; also a bug in Waybill'],
        ['2', 'wrong usage, unreadable or invalid input'],
        ['3', 'not found or not reachable'],
        ['4', 'refused by policy or lock'],
        ['130', 'interrupted, or the run was cancelled'],
      ],
    ),
    '## Errors',
    rows(
      ['error', 'kind', 'exit code', 'meaning'],
      Object.entries(CODES).map(([code, { kind, says }]) => [`\`${code}\``, kind, `${exitCodeOfKind(kind)}`, says]),
    ),
    '## Findings',
    'Findings speak of the content of files and objects, with file, line and column. `lint` lists them and ends with 1 where one is an error, with 2 where a file cannot be read as YAML at all; every other command stops at an error with `InvalidInput`.',
    rows(
      ['finding', 'meaning'],
      Object.entries(FINDINGS).map(([code, says]) => [`\`${code}\``, cell(says)]),
    ),
  ].join('\n\n');

const LINT_GUIDE = `\`waybill lint PATH…\` finds what a cluster would refuse ([errors.md](errors.md)), and by the rules below what it takes and people regret.

- **Levels.** A rule's findings are warnings. \`.waybill-lint.yaml\` of the folder in which lint is called, or the file of \`--config\`, sets other levels:
  \`\`\`yaml
  version: 1
  rules:
    unpinned-image: error
    missing-version: off
  \`\`\`
- **Ignoring.** \`# waybill-ignore: CODE, CODE\` at the end of a line takes back the findings that start on it, alone on a line those of the next one. One that takes nothing back is a finding itself. What a cluster would refuse cannot be ignored.
- **Mending.** \`--fix\` mends in the files what is sure to keep its meaning, and leaves every other byte as it is.
- **Output.** \`-o json\`, and \`-o sarif\` for code hosts and editors. Exit code 1 where a finding is an error.`;

const lintText = (): string =>
  [
    '# Lint',
    GENERATED,
    LINT_GUIDE,
    '## Rules',
    ...RULES.map(({ code, why }) => `### ${code}\n\n${capital(FINDINGS[code] ?? '')}. ${why}`),
  ].join('\n\n');

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const RBAC = 'docs/rbac.md';
const TABLE =
  /(?<=<!-- Written by scripts\/docs\.ts from src\/runtime\/kubernetes\/rights\.ts -->\n).*?(?=<!-- end -->)/s;

/** The text around the table stays as it was written. */
const rbacText = (): string => {
  const [heads = [], ...lines] = rightRows();
  return readFileSync(join(import.meta.dirname, '..', RBAC), 'utf8').replace(TABLE, () => `${rows(heads, lines)}\n`);
};

/** Every generated file, by its path from the root. */
export const generate = async (): Promise<Readonly<Record<string, string>>> => {
  const commands = await load();
  return {
    'docs/commands.md': `${commandsText(commands)}\n`,
    'docs/errors.md': `${errorsText()}\n`,
    'docs/lint.md': `${lintText()}\n`,
    'docs/output.schema.json': outputSchema(commands),
    [RBAC]: rbacText(),
    ...roleFiles(),
  };
};

if (import.meta.main) {
  for (const [path, text] of Object.entries(await generate())) {
    writeFileSync(join(import.meta.dirname, '..', path), text);
    console.log(`wrote ${path}`);
  }
}
