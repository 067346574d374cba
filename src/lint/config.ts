import { z } from 'zod';
import { type Diagnostic, hasErrors } from '../core/index.ts';
import { parseYaml } from '../yaml/index.ts';
import { RULES } from './rules.ts';

/** How severe the findings of a rule are. */
export type Level = 'off' | 'warning' | 'error';

/** Levels of rules that are to differ from the table's. */
export type LintConfig = ReadonlyMap<string, Level>;

const CONFIG = z.strictObject({
  version: z.literal(1),
  // YAML, as Kubernetes reads it, takes `off` for false.
  rules: z
    .record(
      z.string(),
      z.union([z.enum(['off', 'warning', 'error']), z.literal(false).transform(() => 'off' as const)]),
    )
    .optional(),
});

/**
 * Reads a configuration: `version: 1` and `rules: {CODE: off|warning|error}`. Findings (`bad-lint-config`) where it
 * cannot be read, or names a rule that does not exist.
 */
export const readLintConfig = (
  text: string,
  file: string,
): { readonly config: LintConfig; readonly diagnostics: readonly Diagnostic[] } => {
  const { documents, diagnostics } = parseYaml(text, { file });
  const [document] = documents;
  if (hasErrors(diagnostics) || document === undefined) return { config: new Map(), diagnostics };
  const bad = (path: readonly (string | number)[], message: string): Diagnostic =>
    document.diagnose(path, { code: 'bad-lint-config', severity: 'error', message });
  const read = CONFIG.safeParse(document.value);
  if (!read.success) {
    const found = read.error.issues.map(({ path, message }) => bad(path as (string | number)[], message));
    return { config: new Map(), diagnostics: found };
  }
  const config = new Map(Object.entries(read.data.rules ?? {}));
  const unknown = [...config.keys()].filter((code) => !RULES.some((rule) => rule.code === code));
  return { config, diagnostics: unknown.map((code) => bad(['rules', code], `there is no rule "${code}"`)) };
};
