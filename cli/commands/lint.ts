import { hasErrors } from 'waybill';
import { z } from 'zod';
import { loadFiles } from '../bundles.ts';
import type { Command } from '../command.ts';
import { renderDiagnostic } from '../output/errors.ts';

const position = z.object({ line: z.number(), column: z.number(), offset: z.number() });

/** Files that cannot be read as YAML are unreadable input, not findings about Tekton: exit 2. */
const UNREADABLE = ['yaml-syntax', 'file-too-large', 'too-many-aliases'];

export const command: Command = {
  arguments: [{ name: '<path...>', says: 'files and folders; - for standard input' }],
  options: [],
  example: 'waybill lint tasks/ pipeline.yaml',
  output: z.object({
    files: z.number(),
    objects: z.number(),
    diagnostics: z.array(
      z.object({
        code: z.string(),
        severity: z.enum(['error', 'warning']),
        message: z.string(),
        file: z.string().optional(),
        range: z.object({ start: position, end: position }).optional(),
        path: z.array(z.union([z.string(), z.number()])).optional(),
        excerpt: z.string().optional(),
        hint: z.string().optional(),
      }),
    ),
  }),
  run: async (context, [paths]) => {
    const { objects, diagnostics, files } = await loadFiles(context, paths as readonly string[], 'lint');
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
    const counted = `${files} files, ${objects.length} objects: ${errors} errors, ${diagnostics.length - errors} warnings`;
    return {
      data: { files, objects: objects.length, diagnostics },
      text: [...diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, false)), counted].join('\n'),
      exitCode: diagnostics.some(({ code }) => UNREADABLE.includes(code)) ? 2 : hasErrors(diagnostics) ? 1 : 0,
    };
  },
};
