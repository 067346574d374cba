import { type Document, isAlias, isMap, isSeq, type LineCounter, type Node, type Pair } from 'yaml';
import type { Diagnostic, Path, Position, Range } from '../core/index.ts';
import { isMergeKey, keyOf } from './plain.ts';

/** Which part of an entry a range covers. */
export type Part = 'key' | 'value';

/** One document of a YAML text: its plain value, and where each part of it stands. */
export interface YamlDocument {
  /** Plain JSON data as Kubernetes would read it; null for an empty document. */
  readonly value: unknown;
  readonly file?: string;
  /**
   * Where the entry at a path stands: its key, or its value. An item of a list has no key, so its value counts. What came
   * in by an alias stands where the alias is. A path that leads nowhere gives the entry above it that exists.
   */
  rangeOf(path: Path, part?: Part): Range;
  /** A finding about the entry at a path, with file, range and excerpt. */
  diagnose(path: Path, finding: Finding): Diagnostic;
}

/** A finding before it has a place. */
export interface Finding extends Pick<Diagnostic, 'code' | 'severity' | 'message' | 'hint'> {
  /** What the range covers; the value by default. */
  readonly part?: Part;
  /** Narrows the range to the first place in it where this text stands, if it does. */
  readonly within?: string;
}

/** Offsets of a text as positions, and its lines. */
export interface Source {
  readonly text: string;
  readonly lines: LineCounter;
  readonly file?: string;
}

/** A document over a composed one. */
export const documentOf = (document: Document.Parsed, value: unknown, source: Source): YamlDocument => {
  const rangeOf = (path: Path, part: Part = 'value'): Range => rangeIn(document.contents, path, part, source);
  return {
    value,
    ...(source.file === undefined ? {} : { file: source.file }),
    rangeOf,
    diagnose: (path, { part, within, ...finding }) => ({
      ...place(narrowed(rangeOf(path, part), within, source), source),
      path,
      ...finding,
    }),
  };
};

const narrowed = (range: Range, within: string | undefined, source: Source): Range => {
  if (within === undefined) return range;
  const start = source.text.indexOf(within, range.start.offset);
  const end = start + within.length;
  return start < 0 || end > range.end.offset ? range : rangeBetween(start, end, source);
};

/** File, range and excerpt of a finding. */
export const place = (range: Range, { text, file }: Source): Pick<Diagnostic, 'file' | 'range' | 'excerpt'> => ({
  ...(file === undefined ? {} : { file }),
  range,
  excerpt: lineAt(text, range.start.offset),
});

/** The range between two offsets. */
export const rangeBetween = (start: number, end: number, source: Source): Range => ({
  start: positionAt(start, source),
  end: positionAt(Math.max(start, end), source),
});

const positionAt = (offset: number, { lines, text }: Source): Position => {
  const within = Math.min(offset, text.length);
  const { line, col } = lines.linePos(within);
  return { line: Math.max(1, line), column: Math.max(1, col), offset: within };
};

/** The longest excerpt: a minified JSON file is one line. */
const EXCERPT = 400;

const lineAt = (text: string, offset: number): string => {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, Math.min(end < 0 ? text.length : end, start + EXCERPT)).replace(/\r$/, '');
};

const rangeIn = (root: Node | null, path: Path, part: Part, source: Source): Range => {
  let node: Node | null = root;
  let key: Node | null = null;
  for (const step of path) {
    const next: Entry | undefined = node === null ? undefined : entryOf(node, step);
    if (next === undefined) return rangeOfNode(key ?? node, source);
    ({ key, value: node } = next);
    if (next.last) break;
  }
  return rangeOfNode(part === 'key' || isEmpty(node) ? (key ?? node) : node, source);
};

const isEmpty = (node: Node | null): boolean => node === null || node.range?.[0] === node.range?.[1];

interface Entry {
  readonly key: Node | null;
  readonly value: Node | null;
  /** The entry came in by `<<`: what is below it stands elsewhere. */
  readonly last?: true;
}

const entryOf = (node: Node, step: string | number): Entry | undefined => {
  if (isAlias(node)) return { key: null, value: node, last: true };
  if (isSeq(node)) {
    const item = typeof step === 'number' ? (node.items[step] as Node | undefined) : undefined;
    return item === undefined ? undefined : { key: null, value: item };
  }
  if (!isMap(node)) return undefined;
  const pairs = node.items as Pair<Node, Node | null>[];
  const pair = pairs.findLast(({ key }) => !isMergeKey(key) && keyOf(key) === String(step));
  if (pair !== undefined) return { key: pair.key, value: pair.value };
  const merge = pairs.find(({ key }) => isMergeKey(key));
  return merge === undefined ? undefined : { key: merge.key, value: merge.value, last: true };
};

const rangeOfNode = (node: Node | null, source: Source): Range => {
  const [start, end] = node?.range ?? [0, 0];
  return rangeBetween(start, end, source);
};
