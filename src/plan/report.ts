import type { Diagnostic, Path } from '../core/index.ts';

/** Takes one finding; errors unless it says otherwise. `path` starts at the root of the object that is compiled. */
export type Report = (code: string, message: string, path: Path, severity?: Diagnostic['severity']) => void;

/** Collects findings; the same finding at the same place counts once. */
export const collector = (): {
  /** A report about an object; `file` names it where it is not the one that is compiled. */
  readonly reportFor: (file?: string) => Report;
  readonly diagnostics: readonly Diagnostic[];
} => {
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<string>();
  const reportFor =
    (file?: string): Report =>
    (code, message, path, severity = 'error') => {
      const key = JSON.stringify([code, message, path, file]);
      if (seen.has(key)) return;
      seen.add(key);
      diagnostics.push({ code, severity, message, path, ...(file === undefined ? {} : { file }) });
    };
  return { reportFor, diagnostics };
};

/** The same report for a part: its paths start at `base`. */
export const reportUnder =
  (report: Report, base: Path): Report =>
  (code, message, path, severity) =>
    report(code, message, [...base, ...path], severity);
