import { isWaybillError, type Path, parseDuration } from '../core/index.ts';
import { typeOfValue } from './defaults.ts';
import type { Report } from './finding.ts';
import type { ParamSpec, Reference, ResultSpec, WhenExpression } from './types.ts';
import { isLate } from './variables-check.ts';

/** A kind of name: what it looks like, in a pattern and in words. */
export interface NameRule {
  readonly pattern: RegExp;
  readonly longest: number;
  readonly says: string;
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names */
export const LABEL: NameRule = {
  pattern: /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/,
  longest: 63,
  says: 'lower-case letters, digits and "-", at most 63 characters, and begins and ends with a letter or digit',
};

/** A container is named `step-NAME`, and that must be a label too. */
export const STEP: NameRule = { ...LABEL, longest: 58, says: LABEL.says.replace('63', '58') };

export const SUBDOMAIN: NameRule = {
  pattern: /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/,
  longest: 253,
  says: 'lower-case letters, digits, "-" and ".", and begins and ends with a letter or digit',
};

export const PARAM: NameRule = {
  pattern: /^[A-Za-z_][-A-Za-z0-9_.]*$/,
  longest: 253,
  says: 'letters, digits, "-", "_" and ".", and begins with a letter or "_"',
};

export const RESULT: NameRule = {
  pattern: /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  longest: 253,
  says: 'letters, digits, "-", "_" and ".", and begins and ends with a letter or digit',
};

/** Workspaces are folders: `/workspace/NAME`. */
export const WORKSPACE: NameRule = {
  pattern: /^[A-Za-z0-9_][-A-Za-z0-9_.]*$/,
  longest: 253,
  says: 'letters, digits, "-", "_" and ".", and begins with a letter, digit or "_"',
};

/** `bad-name`, unless a name fits its rule. A name with variables is not known yet. */
export const checkName = (name: string, rule: NameRule, path: Path, report: Report): void => {
  if (isLate(name) || (rule.pattern.test(name) && name.length <= rule.longest)) return;
  report('bad-name', path, `"${name.slice(0, 80)}" is no name: it has ${rule.says}`);
};

/** `bad-name` and `duplicate-name` for a list of things with names. Things without a name are passed over. */
export const checkNames = (
  list: readonly { readonly name?: string }[] | undefined,
  what: string,
  rule: NameRule,
  path: Path,
  report: Report,
): void => {
  const seen = new Set<string>();
  list?.forEach(({ name }, index) => {
    if (name === undefined || name === '') return;
    checkName(name, rule, [...path, index, 'name'], report);
    if (seen.has(name)) report('duplicate-name', [...path, index, 'name'], `there are two ${what} named "${name}"`);
    seen.add(name);
  });
};

/** `bad-duration`, unless a text is a Go duration that is not negative, or not known yet. */
export const checkDuration = (text: string | undefined, path: Path, report: Report): void => {
  if (text === undefined || isLate(text)) return;
  const hint = 'write it like 1h30m, 90s or 500ms';
  try {
    if (parseDuration(text) < 0) report('bad-duration', path, `"${text}" is a negative duration`, { hint });
  } catch (error) {
    if (!isWaybillError(error, 'InvalidInput')) throw error;
    report('bad-duration', path, `"${text.slice(0, 40)}" is no duration`, { hint });
  }
};

/** `bad-value`, unless a text is one of a few, or not known yet. */
export const checkChoice = (text: string | undefined, choices: readonly string[], path: Path, report: Report): void => {
  if (text === undefined || text === '' || choices.includes(text) || isLate(text)) return;
  report('bad-value', path, `"${text.slice(0, 40)}" is not one of ${choices.join(', ')}`);
};

/** Names, types and defaults of declared params. */
export const checkParamSpecs = (specs: readonly ParamSpec[] | undefined, path: Path, report: Report): void => {
  checkNames(specs, 'params', PARAM, path, report);
  specs?.forEach((spec, index) => {
    const at = [...path, index];
    if (spec.type === 'object') {
      if (spec.properties === undefined) report('required-field', [...at, 'properties'], 'an object has properties');
      if (spec.name.includes('.')) report('bad-name', [...at, 'name'], 'the name of an object has no dots');
    } else if (spec.properties !== undefined) {
      report('exclusive-fields', [...at, 'properties'], `a param of type ${spec.type} has no properties`);
    }
    if (spec.default !== undefined && typeOfValue(spec.default) !== spec.type) {
      const given = typeOfValue(spec.default);
      report('param-type', [...at, 'default'], `param "${spec.name}" is ${spec.type}, and its default is ${given}`);
    }
    checkEnum(spec, at, report);
  });
};

const checkEnum = ({ name, type, enum: choices, default: fallback }: ParamSpec, at: Path, report: Report): void => {
  if (choices === undefined || choices.length === 0) return;
  if (type !== 'string') report('exclusive-fields', [...at, 'enum'], `a param of type ${type} has no enum`);
  if (typeof fallback === 'string' && !choices.includes(fallback)) {
    report('param-enum', [...at, 'default'], `the default of param "${name}" is not in its enum`);
  }
};

/** Names and types of declared results. */
export const checkResultSpecs = (specs: readonly ResultSpec[] | undefined, path: Path, report: Report): void => {
  checkNames(specs, 'results', RESULT, path, report);
  specs?.forEach(({ type, properties }, index) => {
    const at = [...path, index];
    if (type === 'object' && properties === undefined) {
      report('required-field', [...at, 'properties'], 'an object has properties');
    }
    if (type !== 'object' && properties !== undefined) {
      report('exclusive-fields', [...at, 'properties'], `a result of type ${type} has no properties`);
    }
  });
};

/** Operator and values of conditions. */
export const checkWhen = (when: readonly WhenExpression[] | undefined, path: Path, report: Report): void => {
  when?.forEach(({ input, operator, values, cel }, index) => {
    const at = [...path, index];
    if (cel !== undefined) {
      const other = operator ?? input ?? values;
      if (other !== undefined) report('exclusive-fields', [...at, 'cel'], 'CEL stands alone in a condition');
      return;
    }
    if (operator === undefined) report('required-field', [...at, 'operator'], 'a condition has an operator');
    else if (!['in', 'notin'].includes(operator)) {
      report('bad-value', [...at, 'operator'], `"${operator}" is not one of in, notin`);
    }
    if (values === undefined || values.length === 0) {
      report('required-field', [...at, 'values'], 'a condition has values to compare with');
    }
  });
};

/** A reference is a name, or a resolver with its params. */
export const checkReference = (reference: Reference | undefined, path: Path, report: Report): void => {
  if (reference === undefined) return;
  const { name, resolver, params } = reference;
  if (resolver === undefined || resolver === '') {
    if (name === undefined || name === '') {
      report('required-field', [...path, 'name'], 'a reference has a name or a resolver');
    } else {
      checkName(name, SUBDOMAIN, [...path, 'name'], report);
    }
    if (params !== undefined) report('exclusive-fields', [...path, 'params'], 'params of a reference need a resolver');
    return;
  }
  if (name !== undefined) {
    report('exclusive-fields', [...path, 'name'], 'a reference has a name or a resolver, not both', {
      hint: 'give the name as a param of the resolver',
    });
  }
  checkNames(params, 'params', PARAM, [...path, 'params'], report);
};

/** Exactly one of the fields of an object has to be there. */
export const checkOneOf = (
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  path: Path,
  report: Report,
): void => {
  const present = names.filter((name) => object[name] !== undefined);
  if (present.length === 0)
    report('required-field', [...path, names[0] as string], `one of ${names.join(', ')} is needed`);
  for (const name of present.slice(1)) {
    report('exclusive-fields', [...path, name], `${present[0]} and ${name} exclude each other`, { part: 'key' });
  }
};
