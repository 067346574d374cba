import type { Diagnostic } from '../core/index.ts';

/** A comment that takes back the findings of some rules, on its own line or, standing alone, on the next one. */
interface Ignore {
  readonly line: number;
  readonly covers: number;
  readonly codes: readonly string[];
}

const MARK = 'waybill-ignore:';
const CODES = /^\s*(?<codes>[a-z][a-z-]*(?:\s*,\s*[a-z][a-z-]*)*)/;

/** Lines may be megabytes long: nothing here may go over one twice. */
const ignoresIn = (text: string): readonly Ignore[] =>
  text.split('\n').flatMap((line, index): Ignore[] => {
    const at = line.indexOf(MARK);
    const before = at < 0 ? '' : line.slice(0, at).trimEnd();
    // A comment starts the line, or stands behind a space.
    if (!/(?:^|\s)#$/.test(before.slice(-2))) return [];
    const codes = CODES.exec(line.slice(at + MARK.length))?.groups?.codes;
    if (codes === undefined) return [];
    return [
      {
        line: index + 1,
        covers: before.slice(0, -1).trim() === '' ? index + 2 : index + 1,
        codes: codes.split(',').map((code) => code.trim()),
      },
    ];
  });

/**
 * Findings without those that comments of the file take back: `# waybill-ignore: CODE, CODE` at the end of the line, or
 * alone on the line before. A comment that takes nothing back is a finding itself (`unused-ignore`).
 */
export const withoutIgnored = (text: string, file: string, findings: readonly Diagnostic[]): readonly Diagnostic[] => {
  const ignores = ignoresIn(text);
  if (ignores.length === 0) return findings;
  const used = new Set<string>();
  const left = findings.filter(({ code, range }) => {
    const ignore = ignores.find(({ covers, codes }) => covers === range?.start.line && codes.includes(code));
    if (ignore !== undefined) used.add(`${ignore.line} ${code}`);
    return ignore === undefined;
  });
  const unused = ignores.flatMap(({ line, codes }) =>
    codes.filter((code) => !used.has(`${line} ${code}`)).map((code) => unusedIgnore(text, file, line, code)),
  );
  return [...left, ...unused];
};

const unusedIgnore = (text: string, file: string, line: number, code: string): Diagnostic => {
  const lines = text.split('\n');
  const excerpt = lines[line - 1] ?? '';
  const offset = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const column = excerpt.lastIndexOf(code) + 1;
  const start = { line, column, offset: offset + column - 1 };
  const end = { line, column: column + code.length, offset: start.offset + code.length };
  return {
    code: 'unused-ignore',
    severity: 'warning',
    message: `there is no finding ${code} to ignore here`,
    file,
    range: { start, end },
    excerpt: excerpt.slice(0, 400),
  };
};
