import type { Path } from '../core/index.ts';
import { type Expression, type ParamValue, parseVariables, soleExpression } from '../tekton/index.ts';
import type { Report } from './report.ts';
import { joinText } from './settle.ts';
import type { Item, Segment, Text, Value } from './text.ts';

/** What a variable stands for where it is written. */
export type Found =
  | { readonly kind: 'text'; readonly text: Text }
  /** A whole array. */
  | { readonly kind: 'items'; readonly items: readonly Item[] }
  /** A whole object. */
  | { readonly kind: 'object'; readonly value: Extract<Value, { kind: 'object' | 'whole' }> }
  /** No variable here: its text stays, as in Tekton. */
  | { readonly kind: 'literal' }
  | { readonly kind: 'problem'; readonly code: string; readonly message: string };

/** Looks variables up: params, workspaces, context, results. */
export type Scope = (expression: Expression) => Found;

/** The names of a step's environment, where Kubernetes' own `$(NAME)` and `$$` count; without it they are plain text. */
type Environment = ReadonlySet<string> | undefined;

/** Compiles Tekton's strings in one scope. What cannot be compiled is reported and left out. */
export interface TextCompiler {
  text(source: string, path: Path, environment?: Environment): Text;
  /** A list in which `$(name[*])` alone becomes all elements of an array. */
  items(sources: readonly string[], path: Path, environment?: Environment): readonly Item[];
  /** A param or result value; a string that is one whole array or object has that type. */
  value(source: ParamValue, path: Path): Value;
}

/** Longest text, in UTF-16 units: about the largest object that a bundle may hold. */
const MAX_TEXT = 1_500_000;
/** Most elements of a list. */
const MAX_ITEMS = 16_384;

/** A compiler for one scope; findings go to `report`. */
export const textCompiler = (scope: Scope, report: Report): TextCompiler => {
  const segmentsOf = (expression: Expression, path: Path): readonly Segment[] => {
    const found = scope(expression);
    switch (found.kind) {
      case 'text':
        return found.text;
      case 'literal':
        return [`$(${expression.expression})`];
      case 'items':
      case 'object':
        report('array-in-text', `$(${expression.expression}) is a whole array or object inside a text`, path);
        return [];
      case 'problem':
        report(found.code, `$(${expression.expression}): ${found.message}`, path);
        return [];
    }
  };

  const text = (source: string, path: Path, environment?: Environment): Text => {
    const segments = parseVariables(source).flatMap((part) => {
      if (typeof part !== 'string') return segmentsOf(part, path);
      return environment === undefined ? [part] : kubernetesSegments(part, environment);
    });
    // Counted before they are joined: defaults that name each other twice grow without end otherwise.
    const length = segments.reduce((sum, segment) => sum + (typeof segment === 'string' ? segment.length : 0), 0);
    if (length <= MAX_TEXT) return joinText(segments);
    report('text-too-large', `with its variables put in this is longer than ${MAX_TEXT} characters`, path);
    return [];
  };

  const wholeOf = (source: string): Found | undefined => {
    const sole = soleExpression(source);
    const found = sole === undefined ? undefined : scope(sole);
    return found?.kind === 'items' || found?.kind === 'object' ? found : undefined;
  };

  const items = (sources: readonly string[], path: Path, environment?: Environment): readonly Item[] => {
    const all: Item[] = [];
    for (const [index, source] of sources.entries()) {
      const whole = wholeOf(source);
      const more = whole?.kind === 'items' ? whole.items : [{ text: text(source, [...path, index], environment) }];
      if (all.length + more.length > MAX_ITEMS) {
        report('list-too-large', `with its variables put in this has more than ${MAX_ITEMS} elements`, path);
        return [];
      }
      all.push(...more);
    }
    return all;
  };

  const value = (source: ParamValue, path: Path): Value => {
    if (typeof source === 'string') {
      const whole = wholeOf(source);
      if (whole?.kind === 'items') return { kind: 'array', items: whole.items };
      return whole?.kind === 'object' ? whole.value : { kind: 'string', text: text(source, path) };
    }
    if (isArray(source)) return { kind: 'array', items: items(source, path) };
    const entries = Object.entries(source).map(([key, entry]) => [key, text(entry, [...path, key])] as const);
    return { kind: 'object', entries: Object.fromEntries(entries) };
  };

  return { text, items, value };
};

/**
 * A literal of command, args or env as Kubernetes reads it: `$(NAME)` of a declared variable is a reference, `$$` is one
 * `$`, all else stays. Done here, and to what the author wrote alone, so that values that come in are never read so.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
const kubernetesSegments = (literal: string, environment: ReadonlySet<string>): Segment[] => {
  const segments: Segment[] = [];
  let from = 0;
  for (const { 0: all, 1: name, index } of literal.matchAll(/\$\$|\$\(([^)$]*)\)/g)) {
    segments.push(literal.slice(from, index));
    if (all === '$$') segments.push('$');
    else segments.push(name !== undefined && environment.has(name) ? { env: name } : all);
    from = index + all.length;
  }
  segments.push(literal.slice(from));
  return segments;
};

/**
 * A text of literals and environment references in Kubernetes' own spelling, for a pod spec: the kubelet gives the
 * text's meaning back. Undefined if other references are left.
 */
export const kubernetesText = (text: Text): string | undefined => {
  const parts = text.map((segment) => {
    if (typeof segment === 'string') return segment.replaceAll('$', () => '$$');
    return 'env' in segment ? `$(${segment.env})` : undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join('');
};

const isArray = (value: ParamValue): value is readonly string[] => Array.isArray(value);
