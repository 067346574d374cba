import type { Diagnostic } from '../core/index.ts';
import type { LoadedObject } from '../tekton/index.ts';
import type { LintConfig } from './config.ts';
import { RULES } from './rules.ts';
import type { Edit, Flaw, Rule } from './types.ts';

/** A rule's finding, and how to mend it where that is sure. */
export interface LintFinding {
  readonly diagnostic: Diagnostic;
  readonly edit?: Edit;
}

/** What the rules find in objects, in the order of their places. */
export const lint = (objects: readonly LoadedObject[], config: LintConfig = new Map()): readonly LintFinding[] =>
  objects
    .flatMap((object) =>
      RULES.flatMap((rule) => {
        const level = config.get(rule.code) ?? rule.severity;
        return level === 'off' ? [] : rule.check(object).map((flaw) => placed(object, rule, level, flaw));
      }),
    )
    .sort((a, b) => offsetOf(a) - offsetOf(b));

const offsetOf = ({ diagnostic }: LintFinding): number => diagnostic.range?.start.offset ?? 0;

const placed = (
  object: LoadedObject,
  { code }: Rule,
  severity: 'warning' | 'error',
  { path, instead, ...finding }: Flaw,
): LintFinding => {
  const diagnostic = object.diagnose(path, { ...finding, code, severity });
  const { range } = diagnostic;
  // In a text with escapes the place is not found, and so not narrowed to what would be replaced.
  const exact = range !== undefined && range.end.offset - range.start.offset === finding.within?.length;
  return instead === undefined || !exact ? { diagnostic } : { diagnostic, edit: { range, text: instead } };
};
