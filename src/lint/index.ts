export { type Level, type LintConfig, readLintConfig } from './config.ts';
export { applyEdits } from './fix.ts';
export { withoutIgnored } from './ignore.ts';
export { type LintFinding, lint } from './lint.ts';
export { RULES } from './rules.ts';
export type { Edit, Flaw, Rule } from './types.ts';
