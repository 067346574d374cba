import type { Path } from '../core/index.ts';
import { expressionsIn } from '../tekton/index.ts';
import type { TextCompiler } from './compile-text.ts';
import { isSettled } from './complete.ts';
import type { Report } from './report.ts';
import type { Text } from './text.ts';
import type { PodPart } from './types.ts';

/**
 * A piece of a pod spec with its strings compiled: what is settled stands in `body`, the rest in `at` by JSON pointer
 * (RFC 6901), with an empty string in its place.
 */
export const compilePart = <T extends object>(
  part: T,
  compiler: TextCompiler,
  path: Path,
  report: Report,
): PodPart<T> => {
  const late: Record<string, Text> = {};
  const walk = (value: unknown, at: Path): unknown => {
    if (typeof value === 'string') {
      // Kubernetes reads this one itself, and would read what a value brings along; Tekton puts nothing in either.
      if (at.at(-1) === 'subPathExpr') {
        if (expressionsIn(value).length === 0) return value;
        report('unsupported-variable', 'only variables of Kubernetes are read here; use subPath', [...path, ...at]);
      }
      const text = compiler.text(value, [...path, ...at]);
      if (isSettled(text)) return text.join('');
      refuseStepResults(text, [...path, ...at], report);
      late[pointerOf(at)] = text;
      return '';
    }
    if (Array.isArray(value)) return value.map((element, index) => walk(element, [...at, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, [...at, key])]));
  };
  const body = walk(part, []) as T;
  return Object.keys(late).length === 0 ? { body } : { body, at: late };
};

/** Results of steps come when the pod exists already: what is fixed in its spec can't wait for them. */
export const refuseStepResults = (text: Text, path: Path, report: Report): void => {
  if (text.some((segment) => typeof segment === 'object' && 'step' in segment)) {
    report('step-result-in-pod', 'a result of a step cannot be used here: the pod is created before', path);
  }
};

const pointerOf = (path: Path): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
