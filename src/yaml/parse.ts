import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import type { Diagnostic } from '../core/index.ts';
import { documentOf, place, rangeBetween, type Source, type YamlDocument } from './document.ts';
import { plainOf } from './plain.ts';

/** The largest text that is read, in UTF-8 bytes. */
export const MAX_YAML_BYTES = 4 * 1024 * 1024;

export interface ParseOptions {
  /** Names the text in diagnostics. */
  readonly file?: string;
  readonly maxBytes?: number;
}

export interface Parsed {
  /** The documents without errors, in order; empty ones are left out. */
  readonly documents: readonly YamlDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The documents of a YAML or JSON text, read as Kubernetes reads them (see `resolvePlain`). Never throws for what the
 * text holds: what cannot be read is a diagnostic (`file-too-large`, `yaml-syntax`, `duplicate-key`, `too-many-aliases`,
 * `too-deep`, `bad-alias`, `bad-key`, `bad-tag`, `unsafe-number`), and its document is left out.
 */
export const parseYaml = (text: string, { file, maxBytes = MAX_YAML_BYTES }: ParseOptions = {}): Parsed => {
  const lines = new LineCounter();
  const source: Source = { text, lines, ...(file === undefined ? {} : { file }) };
  if (isLargerThan(text, maxBytes)) return { documents: [], diagnostics: [tooLarge(maxBytes, source)] };
  const composed = parseAllDocuments(text, {
    lineCounter: lines,
    // Scalars stay texts here; `plainOf` gives them their values, and finds duplicate keys by those values.
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const list = Array.isArray(composed) ? composed : [];
  const read = list.map((document) => readDocument(document, source));
  return {
    documents: read.flatMap(({ document }) => (document === undefined ? [] : [document])),
    diagnostics: read.flatMap(({ diagnostics }) => diagnostics),
  };
};

/** Findings of one document that are told; the first ones are the ones to mend. */
const MOST = 20;

const readDocument = (
  composed: Document.Parsed,
  source: Source,
): { document: YamlDocument | undefined; diagnostics: Diagnostic[] } => {
  if (composed.errors.length > 0) {
    return {
      document: undefined,
      diagnostics: composed.errors.slice(0, MOST).map((error) => syntaxError(error, source)),
    };
  }
  const { value, problems } = plainOf(composed);
  const diagnostics = problems.slice(0, MOST).map(
    ({ start, end, ...problem }): Diagnostic => ({
      ...problem,
      severity: 'error',
      ...place(rangeBetween(start, end, source), source),
    }),
  );
  const left = diagnostics.length > 0 || value === null;
  return { document: left ? undefined : documentOf(composed, value, source), diagnostics };
};

/** Errors that a stack overflow left behind: the library's word for collections nested too deep. */
const TOO_DEEP = 'RESOURCE_EXHAUSTION';

const syntaxError = (error: YAMLError, source: Source): Diagnostic => ({
  code: error.code === TOO_DEEP ? 'too-deep' : 'yaml-syntax',
  severity: 'error',
  message: error.code === TOO_DEEP ? 'collections are nested too deep' : error.message,
  ...place(rangeBetween(error.pos[0], error.pos[1], source), source),
});

const isLargerThan = (text: string, maxBytes: number): boolean =>
  text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes);

const tooLarge = (maxBytes: number, source: Source): Diagnostic => ({
  code: 'file-too-large',
  severity: 'error',
  message: `the text is larger than ${maxBytes} bytes`,
  ...(source.file === undefined ? {} : { file: source.file }),
  range: { start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 1, offset: 0 } },
});
