import type { Found, Strictness } from './finding.ts';
import type { Problem, Scope } from './scope.ts';
import type { PlacedText } from './texts.ts';
import { expressionsIn } from './variables.ts';

/**
 * How sure a finding in a text is: `checked` fields are validated by Tekton too; in `unchecked` ones Tekton leaves a
 * variable that it does not know as it is, so there it stops a run only; a `default` may never be used.
 */
export type Field = 'checked' | 'unchecked' | 'default';

/** Findings about the variables in texts. An array or object can only be used whole where it is the whole text. */
export const checkTexts = (
  texts: readonly PlacedText[],
  scope: Scope,
  strictness: Strictness,
  fieldOf: (text: PlacedText) => Field = () => 'checked',
): Found[] =>
  texts.flatMap((placed) =>
    expressionsIn(placed.text).flatMap((expression): Found[] => {
      const sole = expression.start === 0 && expression.end === placed.text.length;
      const problem = scope(expression, sole ? placed.slot : 'text');
      if (problem === undefined) return [];
      const { code, message, hint } = problem;
      return [
        {
          code,
          message,
          severity: severityOf(problem, fieldOf(placed), strictness),
          path: placed.path,
          within: `$(${expression.expression})`,
          ...(hint === undefined ? {} : { hint }),
        },
      ];
    }),
  );

const severityOf = (problem: Problem, field: Field, strictness: Strictness): Found['severity'] => {
  if (problem.severity === 'warning' || field === 'default') return 'warning';
  const tolerated = field === 'unchecked' || problem.tolerated === true;
  return tolerated && strictness === 'lint' ? 'warning' : 'error';
};

/** Whether a text is completed later, so that its content cannot be checked yet. */
export const isLate = (text: string): boolean => expressionsIn(text).length > 0;
