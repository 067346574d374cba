import pc from 'picocolors';
import { type Kind, WaybillError } from 'waybill';
import type { ExitCode, Format } from '../command.ts';
import { renderDiagnostic } from './diagnostic.ts';
import { jsonText } from './render.ts';
import { safe, safeMessage } from './terminal.ts';

const EXIT: Record<Kind, ExitCode> = { usage: 2, missing: 3, refused: 4, failed: 1, internal: 1 };

/** The exit code that a kind of error stands for. */
export const exitCodeOfKind = (kind: Kind): ExitCode => EXIT[kind];

/** The exit code that an error stands for. */
export const exitCodeOf = (error: unknown): ExitCode => EXIT[error instanceof WaybillError ? error.kind : 'internal'];

interface Style {
  readonly colors: boolean;
  readonly format: Format;
  readonly verbose: boolean;
}

/** An error for standard error: what, why, what to do; with `-o json` one JSON object on one line, a bug of ours too. */
export const renderError = (error: unknown, { colors, format, verbose }: Style): string => {
  const paint = pc.createColors(colors);
  if (format === 'json') return `${jsonText(errorOutput(error), 0)}\n`;
  if (!(error instanceof WaybillError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${paint.red('bug in waybill')}: ${safe(stack)}\n`;
  }
  const lines = error.diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, colors));
  lines.push(`${paint.red('error')} ${paint.dim(error.code)}: ${safeMessage(error.message)}`);
  if (error.hint !== undefined) lines.push(`  ${paint.cyan('hint')}: ${safeMessage(error.hint)}`);
  for (let cause = error.cause; verbose && cause instanceof Error; cause = cause.cause)
    lines.push(`  cause: ${safeMessage(cause.message)}`);
  return `${lines.join('\n')}\n`;
};

const errorOutput = (error: unknown): object => {
  if (!(error instanceof WaybillError)) {
    return { error: { code: 'Internal', message: error instanceof Error ? error.message : String(error) } };
  }
  const { code, message, hint, subject, diagnostics } = error;
  return {
    error: {
      code,
      message,
      ...(hint !== undefined && { hint }),
      ...(subject !== undefined && { subject }),
      ...(diagnostics.length > 0 && { diagnostics }),
    },
  };
};
