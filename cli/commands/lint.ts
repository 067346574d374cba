import { hasErrors } from 'waybill';
import { z } from 'zod';
import { loadFiles } from '../bundles.ts';
import type { Command } from '../command.ts';
import { renderDiagnostic } from '../output/diagnostic.ts';
import { DIAGNOSTIC } from '../output/schema.ts';

/** Files that cannot be read as YAML are unreadable input, not findings about Tekton: exit 2. */
const UNREADABLE = ['yaml-syntax', 'file-too-large', 'too-many-aliases', 'too-deep'];

export const command: Command = {
  arguments: [{ name: '<path...>', says: 'files and folders; - for standard input' }],
  options: [],
  example: 'waybill lint tasks/ pipeline.yaml',
  output: z.object({
    files: z.number(),
    objects: z.number(),
    diagnostics: z.array(DIAGNOSTIC),
  }),
  run: async (context, [paths]) => {
    const { objects, diagnostics, files } = await loadFiles(context, paths as readonly string[], 'lint');
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
    const counted = [
      `${count(files, 'file')}, ${count(objects.length, 'object')}: `,
      `${count(errors, 'error')}, ${count(diagnostics.length - errors, 'warning')}`,
    ].join('');
    return {
      data: { files, objects: objects.length, diagnostics },
      text: [...diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, context.colors.out)), counted].join('\n'),
      exitCode: diagnostics.some(({ code }) => UNREADABLE.includes(code)) ? 2 : hasErrors(diagnostics) ? 1 : 0,
    };
  },
};

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
