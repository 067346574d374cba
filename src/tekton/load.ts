import { type Diagnostic, hasErrors, type Path } from '../core/index.ts';
import { type Finding, parseYaml, type YamlDocument } from '../yaml/index.ts';
import { convert } from './convert.ts';
import { withDefaults } from './defaults.ts';
import { type Fields, isFields } from './edit.ts';
import type { Found, Strictness } from './finding.ts';
import { isKind, isVersionOf, type Kind, versionsOf } from './kinds.ts';
import { didYouMean } from './nearest.ts';
import { checkSchema } from './schema/check.ts';
import { SCHEMAS } from './schema/index.ts';
import type { TektonObject } from './types.ts';
import { validate } from './validate.ts';

export interface LoadOptions {
  /** Whether what Waybill cannot run yet is an error (`run`, the default) or a warning (`lint`). */
  readonly strictness?: Strictness;
}

/** A Tekton object of a file. */
export interface LoadedObject<T extends TektonObject = TektonObject> {
  /** In v1, with defaults. */
  readonly object: T;
  /** As the file has it, as plain JSON data: what is packed. */
  readonly original: Fields;
  /** The version that the file has. */
  readonly apiVersion: string;
  readonly file: string;
  readonly document: YamlDocument;
  /** A finding about the entry at a path of `object`, placed in the file. */
  diagnose(path: Path, finding: Finding): Diagnostic;
}

/** A document of another API group: a Secret, a ConfigMap, a claim. */
export interface OtherObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly value: Fields;
  readonly file: string;
  readonly document: YamlDocument;
}

export interface Loaded {
  /** Objects without errors, in the order of the file. */
  readonly objects: readonly LoadedObject[];
  readonly others: readonly OtherObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The objects of a YAML or JSON text: checked against their schema, converted to v1, with defaults, validated each by
 * itself. An object with an error is left out. How objects fit together is `checkTogether`'s question.
 */
export const loadObjects = (text: string, file: string, { strictness = 'run' }: LoadOptions = {}): Loaded => {
  const { documents, diagnostics } = parseYaml(text, { file });
  const loaded = documents.map((document) => loadDocument(document, file, strictness));
  return {
    objects: loaded.flatMap(({ object }) => (object === undefined ? [] : [object])),
    others: loaded.flatMap(({ other }) => (other === undefined ? [] : [other])),
    diagnostics: [...diagnostics, ...loaded.flatMap((one) => one.diagnostics)],
  };
};

interface LoadedDocument {
  readonly object?: LoadedObject;
  readonly other?: OtherObject;
  readonly diagnostics: readonly Diagnostic[];
}

const GROUP = 'tekton.dev/';

const loadDocument = (document: YamlDocument, file: string, strictness: Strictness): LoadedDocument => {
  const refuse = (path: Path, finding: Omit<Finding, 'severity'>): LoadedDocument => ({
    diagnostics: [document.diagnose(path, { severity: 'error', ...finding })],
  });
  const value = withoutNulls(document.value);
  if (!isFields(value)) return refuse([], { code: 'not-an-object', message: 'a Kubernetes object is a map' });
  const { apiVersion, kind } = value;
  for (const [field, given] of Object.entries({ apiVersion, kind })) {
    if (typeof given === 'string' && given !== '') continue;
    return refuse([field], { code: 'not-an-object', message: `a Kubernetes object has a text "${field}"` });
  }
  const version = String(apiVersion);
  const name = String(kind);
  if (!version.startsWith(GROUP)) return loadOther(document, value, version, name, file);
  if (!isKind(name)) {
    const hint = didYouMean(name, Object.keys(SCHEMAS));
    return refuse(['kind'], { code: 'unsupported-kind', message: `the kind ${name} is not supported yet`, ...hint });
  }
  if (!isVersionOf(name, version.slice(GROUP.length))) {
    const hint = `it is read as ${versionsOf(name)
      .map((known) => GROUP + known)
      .join(' and ')}`;
    return refuse(['apiVersion'], { code: 'unsupported-version', message: `no ${name} in ${version}`, hint });
  }
  return loadTekton(document, value, { kind: name, version, file, strictness });
};

/** In a List the objects are hidden from every check, so it is refused. */
const loadOther = (
  document: YamlDocument,
  value: Fields,
  apiVersion: string,
  kind: string,
  file: string,
): LoadedDocument => {
  const refuse = (path: Path, code: string, message: string): LoadedDocument => ({
    diagnostics: [document.diagnose(path, { code, severity: 'error', message })],
  });
  if (kind === 'List')
    return refuse(['kind'], 'unsupported-kind', 'write the items of a List as documents of their own');
  const name = isFields(value.metadata) ? (value.metadata.name ?? value.metadata.generateName) : undefined;
  if (typeof name !== 'string' || name === '') return refuse(['metadata'], 'required-field', 'the object has no name');
  return { other: { apiVersion, kind, name, value, file, document }, diagnostics: [] };
};

interface Reading {
  readonly kind: Kind;
  readonly version: string;
  readonly file: string;
  readonly strictness: Strictness;
}

const loadTekton = (
  document: YamlDocument,
  original: Fields,
  { kind, version, file, strictness }: Reading,
): LoadedDocument => {
  const old = version === `${GROUP}v1beta1` && kind !== 'StepAction';
  const { value, found, originOf } = old
    ? convert(kind, original)
    : { value: original, found: [], originOf: (path: Path) => path };
  const diagnose = (path: Path, finding: Finding): Diagnostic => document.diagnose(originOf(path), finding);
  const place = (findings: readonly Found[]) => findings.map(({ path, ...finding }) => diagnose(path, finding));
  // Findings of the conversion have the file's own paths.
  const converted = found.map(({ path, ...finding }) => document.diagnose(path, finding));

  const checked = checkSchema<unknown>(SCHEMAS[kind], value);
  if (checked.found !== undefined) return { diagnostics: [...converted, ...place(checked.found)] };
  // The schemas are strict and nulls are gone, so what they let through has the shape of our types.
  const object = withDefaults(checked.value as TektonObject);
  const diagnostics = [...converted, ...place(validate(object, strictness))];
  if (hasErrors(diagnostics)) return { diagnostics };
  return { object: { object, original, apiVersion: version, file, document, diagnose }, diagnostics };
};

/** Kubernetes reads a field whose value is null as one that is not there. */
export const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])),
  );
};
