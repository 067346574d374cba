/** How an expression reaches into an array or object: `[*]`, `[2]`, `.key`. */
export type Access =
  | { readonly kind: 'whole' }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'key'; readonly key: string };

/** What an expression names. https://tekton.dev/docs/pipelines/variables/ */
export type Variable =
  /** `$(params.x)`; with a dot in a spelling without brackets the first part is the name and the rest the key. */
  | { readonly kind: 'param'; readonly name: string; readonly access?: Access }
  /** `$(results.r.path)` */
  | { readonly kind: 'result-path'; readonly result: string }
  /** `$(step.results.r.path)` */
  | { readonly kind: 'step-result-path'; readonly result: string }
  | { readonly kind: 'workspace'; readonly workspace: string; readonly property: 'path' | 'bound' | 'claim' | 'volume' }
  /** `$(steps.s.results.r)` */
  | { readonly kind: 'step-result'; readonly step: string; readonly result: string; readonly access?: Access }
  /** `$(steps.step-s.exitCode.path)`; `container` is `step-NAME` or `step-unnamed-INDEX`, as written. */
  | { readonly kind: 'exit-code-path'; readonly container: string }
  /** `$(tasks.t.results.r)`; in results of a Pipeline also `$(finally.t.results.r)`. */
  | {
      readonly kind: 'task-result';
      readonly section: 'tasks' | 'finally';
      readonly task: string;
      readonly result: string;
      readonly access?: Access;
    }
  /** `$(tasks.t.status)`; without a task `$(tasks.status)`. */
  | { readonly kind: 'task-status'; readonly task?: string }
  | { readonly kind: 'task-reason'; readonly task: string }
  | { readonly kind: 'context'; readonly of: ContextSubject; readonly property: string }
  | { readonly kind: 'credentials-path' }
  /** In Tekton's language, but not yet in Waybill's: artifacts and matrix variables. */
  | { readonly kind: 'unsupported'; readonly what: 'artifacts' | 'matrix' }
  /** Starts as a variable does and is none, such as `$(tasks.t.bogus)`. Tekton leaves its text as it is. */
  | { readonly kind: 'unknown' };

export type ContextSubject = 'pipelineRun' | 'pipeline' | 'pipelineTask' | 'taskRun' | 'task';

/** One `$(…)` of a text: `text.slice(start, end)` is `$(` + `expression` + `)`. */
export interface Expression {
  readonly expression: string;
  readonly start: number;
  readonly end: number;
  /** The expression taken apart: `params["a.b"][0]` is `params`, `a.b`, `[0]`. */
  readonly parts: readonly string[];
  readonly variable: Variable;
}

const ROOTS = /\$\((?=(?:params|inputs|results|workspaces|steps?|tasks|finally|context|credentials|artifacts)[.[])/g;
const WORD = /[A-Za-z_][\w-]*/y;
const PART = /\.([\w-]+)|\["([^"\]\n]+)"\]|\['([^'\]\n]+)'\]|(\[(?:\d{1,9}|\*)\])/y;

/**
 * The literals and expressions of a text, in order; joined by {@link renderVariables} they are the text again.
 *
 * As in Tekton, which replaces the text `$(NAME)` wherever it stands: a `$(…)` that is not one of Tekton's variables
 * (a shell's `$(date)`, Kubernetes' `$(VAR)`) is literal, and so is a `$` before an expression; `$$` has no meaning of
 * its own. Time is linear in the length of the text.
 */
export const parseVariables = (text: string): (string | Expression)[] => {
  const found: (string | Expression)[] = [];
  let from = 0;
  for (const { index } of text.matchAll(ROOTS)) {
    if (index < from) continue;
    const expression = expressionAt(text, index);
    if (expression === undefined) continue;
    if (index > from) found.push(text.slice(from, index));
    found.push(expression);
    from = expression.end;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
};

/** The expressions of a text alone. */
export const expressionsIn = (text: string): Expression[] =>
  parseVariables(text).filter((part): part is Expression => typeof part !== 'string');

/** The text of what {@link parseVariables} gave. */
export const renderVariables = (parts: readonly (string | Expression)[]): string =>
  parts.map((part) => (typeof part === 'string' ? part : `$(${part.expression})`)).join('');

/** The expression that makes up the whole text, such as `$(params.list[*])`; undefined where there is more or less. */
export const soleExpression = (text: string): Expression | undefined => {
  const [first, ...rest] = parseVariables(text);
  return first === undefined || typeof first === 'string' || rest.length > 0 ? undefined : first;
};

/** The expression that starts with the `$(` at `start`, if its parentheses close where they should. */
const expressionAt = (text: string, start: number): Expression | undefined => {
  WORD.lastIndex = start + 2;
  const parts = [WORD.exec(text)?.[0] as string];
  let at = WORD.lastIndex;
  for (;;) {
    PART.lastIndex = at;
    const match = PART.exec(text);
    if (match === null) break;
    at = PART.lastIndex;
    parts.push((match[1] ?? match[2] ?? match[3] ?? match[4]) as string);
  }
  if (text[at] !== ')') return undefined;
  return { expression: text.slice(start + 2, at), start, end: at + 1, parts, variable: classify(parts) };
};

const UNKNOWN: Variable = { kind: 'unknown' };

const classify = (parts: readonly string[]): Variable => {
  const [root, ...rest] = parts;
  switch (root) {
    case 'params':
      return paramOf(rest);
    case 'inputs':
      return rest[0] === 'params' ? paramOf(rest.slice(1)) : UNKNOWN;
    case 'results':
      return rest.length === 2 && rest[1] === 'path' ? { kind: 'result-path', result: rest[0] as string } : UNKNOWN;
    case 'workspaces':
      return workspaceOf(rest);
    case 'step':
      return ownStepOf(rest);
    case 'steps':
      return stepOf(rest);
    case 'tasks':
    case 'finally':
      return taskOf(root, rest);
    case 'context':
      return contextOf(rest);
    case 'credentials':
      return rest.join() === 'path' ? { kind: 'credentials-path' } : UNKNOWN;
    case 'artifacts':
      return { kind: 'unsupported', what: 'artifacts' };
    default:
      return UNKNOWN;
  }
};

const paramOf = ([name, ...rest]: readonly string[]): Variable =>
  name === undefined || isBracket(name) ? UNKNOWN : reach({ kind: 'param', name }, rest);

const workspaceOf = (rest: readonly string[]): Variable => {
  const [workspace, property] = rest;
  if (rest.length !== 2 || workspace === undefined) return UNKNOWN;
  switch (property) {
    case 'path':
    case 'bound':
    case 'claim':
    case 'volume':
      return { kind: 'workspace', workspace, property };
    default:
      return UNKNOWN;
  }
};

const ownStepOf = ([what, result, last, ...more]: readonly string[]): Variable => {
  if (what === 'artifacts') return { kind: 'unsupported', what: 'artifacts' };
  if (what !== 'results' || result === undefined || last !== 'path' || more.length > 0) return UNKNOWN;
  return { kind: 'step-result-path', result };
};

const stepOf = ([step, what, name, ...rest]: readonly string[]): Variable => {
  if (step === undefined) return UNKNOWN;
  switch (what) {
    case 'results':
      return name === undefined || isBracket(name) ? UNKNOWN : reach({ kind: 'step-result', step, result: name }, rest);
    case 'exitCode':
      return name === 'path' && rest.length === 0 ? { kind: 'exit-code-path', container: step } : UNKNOWN;
    case 'outputs':
    case 'inputs':
      return { kind: 'unsupported', what: 'artifacts' };
    default:
      return UNKNOWN;
  }
};

const taskOf = (section: 'tasks' | 'finally', rest: readonly string[]): Variable => {
  const [task, what, name, ...more] = rest;
  if (task === undefined) return UNKNOWN;
  if (rest.length === 1) return section === 'tasks' && task === 'status' ? { kind: 'task-status' } : UNKNOWN;
  switch (what) {
    case 'results':
      if (name === undefined || isBracket(name)) return UNKNOWN;
      return reach({ kind: 'task-result', section, task, result: name }, more);
    case 'status':
      return rest.length === 2 ? { kind: 'task-status', task } : UNKNOWN;
    case 'reason':
      return rest.length === 2 ? { kind: 'task-reason', task } : UNKNOWN;
    case 'outputs':
    case 'inputs':
      return { kind: 'unsupported', what: 'artifacts' };
    case 'matrix':
      return { kind: 'unsupported', what: 'matrix' };
    default:
      return UNKNOWN;
  }
};

/** The context variables that there are, by subject. */
const CONTEXT: Record<ContextSubject, readonly string[]> = {
  pipelineRun: ['name', 'namespace', 'uid'],
  pipeline: ['name'],
  pipelineTask: ['retries'],
  taskRun: ['name', 'namespace', 'uid'],
  task: ['name', 'retry-count'],
};

const isContextSubject = (text: string): text is ContextSubject => Object.hasOwn(CONTEXT, text);

const contextOf = ([of, property, ...more]: readonly string[]): Variable => {
  if (of === undefined || property === undefined || more.length > 0 || !isContextSubject(of)) return UNKNOWN;
  return CONTEXT[of].includes(property) ? { kind: 'context', of, property } : UNKNOWN;
};

type Reaching = Extract<Variable, { access?: Access }>;

/** A variable with what follows its name: nothing, `[*]`, `[n]` or a key (which may have dots). */
const reach = (variable: Reaching, rest: readonly string[]): Variable => {
  const [first] = rest;
  if (first === undefined) return variable;
  if (first === '[*]' && rest.length === 1) return { ...variable, access: { kind: 'whole' } };
  if (rest.some(isBracket)) {
    if (rest.length > 1) return UNKNOWN;
    return { ...variable, access: { kind: 'index', index: Number(first.slice(1, -1)) } };
  }
  return { ...variable, access: { kind: 'key', key: rest.join('.') } };
};

const isBracket = (part: string): boolean => part.startsWith('[');
