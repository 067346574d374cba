import type { Code, Kind } from './codes.ts';
import { CODES } from './codes.ts';

export interface ErrorOptions {
  /** What the user can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
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

  constructor(code: Code, message: string, { hint, cause, subject }: ErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.subject = subject;
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
