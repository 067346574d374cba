import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  Scalar,
  visit as traverse,
  type YAMLMap,
} from 'yaml';
import { type PlainValue, resolvePlain } from './scalar.ts';

/** What is wrong with a document beyond its syntax, by offsets. */
export interface Problem {
  readonly code:
    | 'duplicate-key'
    | 'too-many-aliases'
    | 'too-deep'
    | 'bad-alias'
    | 'bad-key'
    | 'bad-tag'
    | 'unsafe-number';
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly hint?: string;
}

/** Nodes that aliases may add to one document; go-yaml gives a small document 400,000 with all it holds. */
const ALIAS_NODES = 100_000;
/** Levels that collections may be nested; Kubernetes objects stay below 30. */
const DEPTH = 200;

const CORE = 'tag:yaml.org,2002:';
const SCALAR_TAGS = ['str', 'bool', 'int', 'float', 'null'].map((name) => CORE + name);
const COLLECTION_TAGS = ['map', 'seq'].map((name) => CORE + name);

/**
 * A composed document as plain data, with aliases expanded and `<<` merged, and what is wrong with it. Objects have own
 * properties only (`__proto__` is a key like any other). `resolve` finds the node that an alias names.
 */
export const plainOf = (document: Document.Parsed): { value: unknown; problems: Problem[] } => {
  const targets = targetsIn(document);
  const problems: Problem[] = [];
  let expanded = 0;
  /** The aliases that are being followed, outermost first. */
  const following: Alias[] = [];
  let exhausted = false;
  const open = new Set<Node>();

  const report = (code: Problem['code'], node: Node | null, message: string, hint?: string): undefined => {
    const [start, end] = node?.range ?? [0, 0];
    problems.push({ code, message, start, end, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  };

  const visit = (node: Node | null | undefined, depth: number): unknown => {
    if (exhausted || node === null || node === undefined) return null;
    if (following[0] !== undefined) {
      expanded += 1;
      if (expanded > ALIAS_NODES) {
        exhausted = true;
        return report('too-many-aliases', following[0], `aliases make more than ${ALIAS_NODES} nodes of this document`);
      }
    }
    if (depth > DEPTH) {
      exhausted = true;
      return report('too-deep', node, `collections are nested deeper than ${DEPTH} levels`);
    }
    if (isAlias(node)) return follow(node, (target) => visit(target, depth));
    if (isMap(node)) {
      checkTag(node, COLLECTION_TAGS);
      return mapOf(node, depth);
    }
    if (isSeq(node)) {
      checkTag(node, COLLECTION_TAGS);
      return node.items.map((item) => visit(item as Node, depth + 1));
    }
    return isScalar(node) ? scalarOf(node) : null;
  };

  const follow = <T>(alias: Alias, use: (target: Node) => T): T | undefined => {
    const target = targets.get(alias);
    if (target === undefined) return report('bad-alias', alias, `no anchor &${alias.source} before this alias`);
    if (open.has(target)) return report('bad-alias', alias, `*${alias.source} contains itself`);
    open.add(target);
    following.push(alias);
    const value = use(target);
    following.pop();
    open.delete(target);
    return value;
  };

  const checkTag = (node: Node, known: readonly string[]): void => {
    const { tag } = node as { tag?: string };
    if (tag !== undefined && !known.includes(tag))
      report('bad-tag', node, `the tag ${tag.replace(CORE, '!!')} is not supported`);
  };

  const scalarOf = (node: Scalar): PlainValue => {
    const text = String(node.value ?? '');
    checkTag(node, SCALAR_TAGS);
    if (node.tag === `${CORE}str` || (node.type !== Scalar.PLAIN && node.tag === undefined)) return text;
    const value = resolvePlain(text);
    if (value === null || typeof value !== 'object') return value;
    report('unsafe-number', node, `${text} cannot be held exactly as a number`, 'put it in quotes to make it a string');
    return null;
  };

  const mapOf = (node: YAMLMap, depth: number): unknown => {
    const entries = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      if (isMergeKey(pair.key)) {
        mergeInto(merged, pair.value, depth);
        continue;
      }
      const key = keyOf(pair.key);
      if (key === undefined) {
        report('bad-key', pair.key, 'only strings, numbers and booleans can be keys');
        continue;
      }
      if (entries.has(key))
        report('duplicate-key', pair.key, `the key ${JSON.stringify(key)} stands twice in this map`);
      entries.set(key, visit(pair.value, depth + 1));
    }
    for (const [key, value] of merged) if (!entries.has(key)) entries.set(key, value);
    return Object.fromEntries(entries);
  };

  const mergeInto = (merged: Map<string, unknown>, source: Node | null, depth: number): void => {
    if (source !== null && isAlias(source)) {
      follow(source, (target) => mergeInto(merged, target, depth));
    } else if (isSeq(source)) {
      for (const item of source.items) mergeInto(merged, item as Node, depth);
    } else if (isMap(source)) {
      for (const [key, value] of Object.entries(visit(source, depth) ?? {}))
        if (!merged.has(key)) merged.set(key, value);
    } else {
      report('bad-key', source, '<< takes a map or a list of maps');
    }
  };

  const value = visit(document.contents, 0);
  return { value, problems };
};

/** What each alias names: the last node before it with that anchor. */
const targetsIn = (document: Document.Parsed): Map<Alias, Node> => {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  traverse(document, (_, node) => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    } else if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) {
      anchors.set(node.anchor, node);
    }
  });
  return targets;
};

/** Whether a key is an unquoted `<<`. */
export const isMergeKey = (key: unknown): boolean => isScalar(key) && key.type === Scalar.PLAIN && key.value === '<<';

/** A key as JSON spells it: `on: x` has the key `true`. Undefined for a key that JSON cannot have. */
export const keyOf = (key: unknown): string | undefined => {
  if (!isScalar(key)) return undefined;
  const text = String(key.value ?? '');
  if (key.type !== Scalar.PLAIN || key.tag === `${CORE}str`) return text;
  const value = resolvePlain(text);
  return value === null || typeof value === 'object' ? undefined : String(value);
};
