import type { Path, Range } from '../core/index.ts';
import type { LoadedObject } from '../tekton/index.ts';

/** A rule's finding about one place of an object. */
export interface Flaw {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
  readonly part?: 'key' | 'value';
  /** Narrows the place to where this text first stands in it. */
  readonly within?: string;
  /** What to write instead of the text at that place, where that is sure to change no meaning. */
  readonly instead?: string;
}

/** One rule. Its code, once released, keeps its meaning; what it means stands in the table of findings. */
export interface Rule {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** Why it matters, and what to do: for the documentation. */
  readonly why: string;
  readonly check: (subject: LoadedObject) => readonly Flaw[];
}

/** Replaces a range of a file. */
export interface Edit {
  readonly range: Range;
  readonly text: string;
}
