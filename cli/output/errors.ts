import pc from 'picocolors';
import { type Diagnostic, formatPath, type Kind, WaybillError } from 'waybill';
import type { ExitCode, Format } from '../command.ts';

const EXIT: Record<Kind, ExitCode> = { usage: 2, missing: 3, refused: 4, failed: 1, internal: 1 };

/** The exit code that an error stands for. */
export const exitCodeOf = (error: unknown): ExitCode => (error instanceof WaybillError ? EXIT[error.kind] : 1);

interface Style {
  readonly colors: boolean;
  readonly format: Format;
  readonly verbose: boolean;
}

/** An error for standard error: what, why, what to do; with `-o json` one JSON object. */
export const renderError = (error: unknown, { colors, format, verbose }: Style): string => {
  const paint = pc.createColors(colors);
  if (!(error instanceof WaybillError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${paint.red('bug in waybill')}: ${safe(stack)}\n`;
  }
  const { diagnostics } = error;
  if (format === 'json') {
    const { code, message, hint } = error;
    return `${JSON.stringify({ error: { code, message, ...(hint && { hint }), ...(diagnostics.length > 0 && { diagnostics }) } })}\n`;
  }
  const lines = diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, colors));
  lines.push(`${paint.red('error')} ${paint.dim(error.code)}: ${safe(error.message)}`);
  if (error.hint !== undefined) lines.push(`  ${paint.cyan('hint')}: ${safe(error.hint)}`);
  for (let cause = error.cause; verbose && cause instanceof Error; cause = cause.cause)
    lines.push(`  cause: ${safe(cause.message)}`);
  return `${lines.join('\n')}\n`;
};

/** `file:line:column: severity code: message`, then the line with a caret. */
export const renderDiagnostic = (diagnostic: Diagnostic, colors: boolean): string => {
  const paint = pc.createColors(colors);
  const { file, range, severity, code, message, path, excerpt, hint } = diagnostic;
  const place = [file, range?.start.line, range?.start.column].filter((part) => part !== undefined).join(':');
  const word = severity === 'error' ? paint.red('error') : paint.yellow('warning');
  const where = path !== undefined && path.length > 0 ? paint.dim(` (${formatPath(path)})`) : '';
  const lines = [
    `${place === '' ? '' : `${safe(place)}: `}${word} ${paint.dim(code)}: ${safe(message)}${safe(where, colors)}`,
  ];
  if (excerpt !== undefined && range !== undefined && excerpt.length <= 400) {
    const width = range.end.line === range.start.line ? Math.max(1, range.end.column - range.start.column) : 1;
    lines.push(`    ${safe(excerpt)}`, `    ${' '.repeat(range.start.column - 1)}${paint.cyan('^'.repeat(width))}`);
  }
  if (hint !== undefined) lines.push(`    ${paint.cyan('hint')}: ${safe(hint)}`);
  return lines.join('\n');
};

/** Text from outside may hold terminal escapes: control characters but line feed and tab are shown, not sent. */
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
export const safe = (text: string, keepColors = false): string =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) =>
    keepColors && character === '\u001b' ? character : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above
