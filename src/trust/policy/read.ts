import type { z } from 'zod';
import type { Diagnostic, Path } from '../../core/index.ts';
import { patternProblem } from './pattern.ts';
import { POLICY, type PolicyFile } from './schema.ts';

/** Fields that the design has and this version does not: named, so that nobody takes them for a spelling mistake. */
const LATER = ['attestations', 'identities', 'maxAge'];

/** A policy file's content, parsed from YAML or JSON, as a policy; or the findings that stop it, each with its path. */
export const readPolicy = (
  value: unknown,
): { readonly policy?: PolicyFile; readonly diagnostics: readonly Diagnostic[] } => {
  const result = POLICY.safeParse(value, { reportInput: true });
  if (!result.success) return { diagnostics: result.error.issues.flatMap(fromIssue) };
  const diagnostics = result.data.rules.flatMap((rule, index) => checkRule(rule, ['rules', index]));
  return diagnostics.length === 0 ? { policy: result.data, diagnostics } : { diagnostics };
};

const checkRule = (rule: PolicyFile['rules'][number], path: Path): readonly Diagnostic[] => {
  const problem = patternProblem(rule.pattern);
  return [
    ...(problem === undefined ? [] : [finding('bad-pattern', problem, [...path, 'pattern'])]),
    ...(rule.threshold > rule.keys.length
      ? [finding('bad-threshold', `${rule.threshold} signers of ${rule.keys.length} keys`, [...path, 'threshold'])]
      : []),
    ...rule.keys.flatMap((key, index) =>
      (key.path === undefined) === (key.pem === undefined)
        ? [finding('bad-key', 'a key has either `path` or `pem`', [...path, 'keys', index])]
        : [],
    ),
  ];
};

const fromIssue = (issue: z.core.$ZodIssue): readonly Diagnostic[] => {
  const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        LATER.includes(key)
          ? finding('unsupported-field', `"${key}" is not supported yet`, [...path, key])
          : finding('unknown-field', `"${key}" is no field of a policy`, [...path, key]),
      );
    case 'invalid_type':
    case 'invalid_value':
      if (issue.input === undefined)
        return [finding('missing-field', `"${path.at(-1) ?? 'version'}" is missing`, path)];
      return [finding(issue.code === 'invalid_type' ? 'wrong-type' : 'bad-value', issue.message, path)];
    default:
      return [finding('bad-value', issue.message, path)];
  }
};

const finding = (code: string, message: string, path: Path): Diagnostic => ({
  code: `policy-${code}`,
  severity: 'error',
  message,
  path,
});
