import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, hasErrors, invalidInput, WaybillError } from 'waybill';
import { applyEdits, type Edit, type LintConfig, lint, RULES, readLintConfig, withoutIgnored } from 'waybill/lint';
import { z } from 'zod';
import { loadFiles } from '../bundles.ts';
import type { Command, Context, Options } from '../command.ts';
import { readText, writeNew } from '../files.ts';
import { renderDiagnostic } from '../output/diagnostic.ts';
import { renderSarif } from '../output/sarif.ts';
import { DIAGNOSTIC } from '../output/schema.ts';

/** Files that cannot be read as YAML are unreadable input, not findings about Tekton: exit 2. */
const UNREADABLE = ['yaml-syntax', 'file-too-large', 'too-many-aliases', 'too-deep'];

/** Where the configuration is looked for. */
const CONFIG = '.waybill-lint.yaml';

const OUTPUT = z.object({
  files: z.number(),
  objects: z.number(),
  fixed: z.array(z.string()).describe('files that --fix changed'),
  diagnostics: z.array(DIAGNOSTIC),
});

export const command: Command = {
  arguments: [{ name: '<path...>', says: 'files and folders; - for standard input' }],
  options: [
    { flags: '--fix', says: 'mend what is sure to keep its meaning, in the files' },
    { flags: '--config <file>', says: `levels of rules; default: ${CONFIG} of this folder, where there is one` },
  ],
  example: 'waybill lint tasks/ pipeline.yaml\nwaybill lint -o sarif tasks/ > lint.sarif',
  output: OUTPUT,
  formats: {
    sarif: (data) =>
      renderSarif(
        (data as z.output<typeof OUTPUT>).diagnostics as readonly Diagnostic[],
        new Map(RULES.map(({ code, why }) => [code, why])),
      ),
  },
  run: async (context, [given], options) => {
    const paths = given as readonly string[];
    const config = await configOf(context, options);
    const fixed = options.fix === true ? await fix(context, paths, config) : [];
    const { diagnostics, objects, files } = await check(context, paths, config);
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
    const counted = [
      `${count(files, 'file')}, ${count(objects, 'object')}: `,
      `${count(errors, 'error')}, ${count(diagnostics.length - errors, 'warning')}`,
      fixed.length === 0 ? '' : `; mended ${fixed.join(', ')}`,
    ].join('');
    return {
      data: { files, objects, fixed, diagnostics },
      text: [...diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, context.colors.out)), counted].join('\n'),
      painted: true,
      exitCode: diagnostics.some(({ code }) => UNREADABLE.includes(code)) ? 2 : hasErrors(diagnostics) ? 1 : 0,
    };
  },
};

const check = async (context: Context, paths: readonly string[], config: LintConfig) => {
  const { objects, diagnostics, texts } = await loadFiles(context, paths, 'lint');
  const findings = lint(objects, config).map(({ diagnostic }) => diagnostic);
  const ignorable = [...diagnostics.filter(({ severity }) => severity === 'warning'), ...findings];
  const left = [...texts].flatMap(([file, text]) =>
    withoutIgnored(
      text,
      file,
      ignorable.filter((diagnostic) => diagnostic.file === file),
    ),
  );
  // What a cluster refuses cannot be ignored, and what stands in no file has no comment.
  const others = [
    ...diagnostics.filter(({ severity }) => severity === 'error'),
    ...ignorable.filter(({ file }) => file === undefined || !texts.has(file)),
  ];
  const files = [...texts.keys()];
  const sorted = [...others, ...left].sort(
    (a, b) => files.indexOf(a.file ?? '') - files.indexOf(b.file ?? '') || offsetOf(a) - offsetOf(b),
  );
  return { diagnostics: sorted, objects: objects.length, files: files.length };
};

const offsetOf = ({ range }: Diagnostic): number => range?.start.offset ?? 0;

/** Mends files, again and again while something is left that can be: edits may stand in each other's way. */
const fix = async (context: Context, paths: readonly string[], config: LintConfig): Promise<readonly string[]> => {
  if (paths.includes('-')) throw new WaybillError('Usage', '--fix changes files, and standard input is none');
  const fixed = new Set<string>();
  for (;;) {
    const { objects, texts } = await loadFiles(context, paths, 'lint');
    const found = lint(objects, config);
    let changed = false;
    for (const [file, text] of texts) {
      const own = found.filter(({ diagnostic }) => diagnostic.file === file);
      const kept = new Set(
        withoutIgnored(
          text,
          file,
          own.map(({ diagnostic }) => diagnostic),
        ),
      );
      const edits = own.flatMap(({ diagnostic, edit }): Edit[] =>
        edit === undefined || !kept.has(diagnostic) ? [] : [edit],
      );
      const after = applyEdits(text, edits);
      if (after === text) continue;
      await writeNew(file, after, { overwrite: true });
      fixed.add(file);
      changed = true;
    }
    if (!changed) return [...fixed];
  }
};

const configOf = async ({ cwd, stdin }: Context, { config: named }: Options): Promise<LintConfig> => {
  const file = typeof named === 'string' ? named : join(cwd, CONFIG);
  if (named === undefined && !existsSync(file)) return new Map();
  const { config, diagnostics } = readLintConfig(await readText(file, stdin), named === undefined ? CONFIG : file);
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, file);
  return config;
};

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
