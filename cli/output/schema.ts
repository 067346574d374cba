import { z } from 'zod';

const position = z.object({
  line: z.number().describe('from 1'),
  column: z.number().describe('from 1, in UTF-16 units'),
  offset: z.number().describe('from 0, in UTF-16 units'),
});

/** A finding in `-o json`. */
export const DIAGNOSTIC = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning']),
  message: z.string(),
  file: z.string().optional(),
  range: z.object({ start: position, end: position }).optional(),
  path: z.array(z.union([z.string(), z.number()])).optional(),
  excerpt: z.string().optional().describe('the line of the file at the start of the range'),
  hint: z.string().optional(),
});

/** What stands on standard error, in one line, where a command called with `-o json` fails. */
export const ERROR = z.object({
  error: z.object({
    code: z.string().describe('see docs/errors.md'),
    message: z.string(),
    hint: z.string().optional(),
    subject: z.string().optional(),
    diagnostics: z.array(DIAGNOSTIC).optional(),
  }),
});
