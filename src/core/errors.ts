import type { Code, Kind } from './codes.ts';
import { CODES } from './codes.ts';
import type { Diagnostic } from './diagnostic.ts';

export interface ErrorOptions {
  /** What the user can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** The findings that stop the work, for `InvalidInput` and the like. */
  readonly diagnostics?: readonly Diagnostic[];
  /** Names the object that the error speaks of, for `-o json`. */
  readonly subject?: string;
}

/**
 * A failure that a user can reach. `code` is stable and listed in {@link CODES}; `message` names the object and says
 * why; `hint` says what to do. Findings about the user's files are not errors but {@link Diagnostic}s.
 */
export class WaybillError extends Error {
  override readonly name = 'WaybillError';
  readonly code: Code;
  readonly hint: string | undefined;
  readonly subject: string | undefined;
  readonly diagnostics: readonly Diagnostic[];

  constructor(code: Code, message: string, { hint, cause, subject, diagnostics = [] }: ErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.subject = subject;
    this.diagnostics = diagnostics;
  }

  /** What kind of failure this is; the command line turns it into an exit code. */
  get kind(): Kind {
    return CODES[this.code].kind;
  }
}

/** True for a {@link WaybillError}, with the given code if one is named. */
export const isWaybillError = (error: unknown, code?: Code): error is WaybillError =>
  error instanceof WaybillError && (code === undefined || error.code === code);

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `InvalidInput` with its findings; the message counts the errors. */
export const invalidInput = (diagnostics: readonly Diagnostic[], what = 'the input'): WaybillError => {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  return new WaybillError('InvalidInput', `${errors} ${errors === 1 ? 'error' : 'errors'} in ${what}`, { diagnostics });
};
