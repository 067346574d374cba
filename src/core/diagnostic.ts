/** A place in a text. Lines and columns start at 1, offsets at 0; columns and offsets count UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A path into a document: keys and indices from its root. */
export type Path = readonly (string | number)[];

/**
 * A finding about the user's input, as data. `code` is stable (kebab-case), `path` is where in the document, and `range`
 * where in the file. An `error` stops every command but `lint`; a `warning` is shown.
 */
export interface Diagnostic {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file?: string;
  readonly range?: Range;
  readonly path?: Path;
  /** The line of the file at the start of `range`, for an excerpt. */
  readonly excerpt?: string;
  readonly hint?: string;
}

/** Whether any of the findings is an error. */
export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((diagnostic) => diagnostic.severity === 'error');

/** `spec.steps[0].image`, the way users write a path. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const plain = /^[A-Za-z_][\w-]*$/.test(part);
    if (!plain) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
