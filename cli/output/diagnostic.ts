import pc from 'picocolors';
import { type Diagnostic, formatPath } from 'waybill';
import { safe, safeMessage, widthOf } from './terminal.ts';

/** `file:line:column: severity code: message`, then the line with a caret, then what to do. */
export const renderDiagnostic = (diagnostic: Diagnostic, colors: boolean): string => {
  const paint = pc.createColors(colors);
  const { file, range, severity, code, message, path, hint } = diagnostic;
  const place = [file, range?.start.line, range?.start.column].filter((part) => part !== undefined).join(':');
  const word = severity === 'error' ? paint.red('error') : paint.yellow('warning');
  const where = path !== undefined && path.length > 0 ? ` ${paint.dim(`(${safe(formatPath(path))})`)}` : '';
  const lines = [
    `${place === '' ? '' : `${paint.bold(safe(place))}: `}${word} ${paint.dim(code)}: ${safeMessage(message)}${where}`,
    ...excerptOf(diagnostic).map((line, index) => `    ${index === 0 ? line : paint.cyan(line)}`),
  ];
  if (hint !== undefined) lines.push(`    ${paint.cyan('hint')}: ${safeMessage(hint)}`);
  return lines.join('\n');
};

/** Characters of a line that are shown: the place and what is around it. */
const SHOWN = 120;
const BEFORE = 40;

/** The line at the start of the range, and carets under the range as far as it is on that line; tabs stay tabs. */
const excerptOf = ({ excerpt, range }: Diagnostic): readonly string[] => {
  if (excerpt === undefined || range === undefined) return [];
  const column = Math.min(range.start.column - 1, excerpt.length);
  const begin = excerpt.length <= SHOWN ? 0 : Math.max(0, column - BEFORE);
  const end = Math.min(excerpt.length, begin + SHOWN);
  const last = range.end.line === range.start.line ? Math.min(range.end.column - 1, end) : column + 1;
  const before = `${begin > 0 ? '…' : ''}${safe(excerpt.slice(begin, column))}`;
  const marked = safe(excerpt.slice(column, last)).replaceAll('\t', ' ');
  const rest = `${safe(excerpt.slice(column, end))}${end < excerpt.length ? '…' : ''}`;
  // A tab under a tab is as wide, whatever the terminal's stops are.
  const gap = before
    .split('\t')
    .map((part) => ' '.repeat(widthOf(part)))
    .join('\t');
  return [`${before}${rest}`.trimEnd(), `${gap}${'^'.repeat(Math.max(1, widthOf(marked)))}`];
};
