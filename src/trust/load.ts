import { createReadStream } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Diagnostic, type Digest, digestOf, isWaybillError, type Path, WaybillError } from '../core/index.ts';
import { parseYaml, type YamlDocument } from '../yaml/index.ts';
import type { Trust } from './gate.ts';
import { type PublicKey, readPublicKey } from './keys/index.ts';
import { type PolicyFile, type PolicyKey, readPolicy } from './policy/index.ts';

/** Largest policy or key file that is read, in bytes. */
const CAP = 1024 * 1024;

/**
 * The policy in a file, with the keys that it names. Throws `NotFound` where the file does not exist and `BadPolicy`,
 * with all findings, where the file or one of its keys cannot be used: a policy is never applied in part.
 */
export const loadPolicy = async (path: string): Promise<Trust> => {
  const folder = dirname(path);
  return policyFrom(await readText(path), path, (key) => readText(resolve(folder, key)));
};

/** A policy's text as {@link loadPolicy} reads it; `readKey` gives the text of the key file that a path in it names. */
export const policyFrom = async (
  text: string,
  source: string,
  readKey: (path: string) => Promise<string>,
): Promise<Trust> => {
  const { document, file } = parse(text, source);
  const found = await Promise.all(
    file.rules.map((rule, index) =>
      Promise.all(rule.keys.map((key, place) => loadKey(key, ['rules', index, 'keys', place], readKey))),
    ),
  );
  const findings = found.flat().flatMap((one) => ('finding' in one ? [one.finding] : []));
  if (findings.length > 0)
    throw bad(
      source,
      findings.map((finding) => placed(document, finding)),
    );
  const keys = found.map((list) => list.flatMap((one) => ('key' in one ? [one.key] : [])));
  const rules = file.rules.map(({ pattern, threshold }, index) => ({
    pattern,
    threshold,
    keys: (keys[index] ?? []).map(({ id }) => id),
  }));
  const same = rules.findIndex(({ keys, threshold }) => new Set(keys).size < threshold);
  if (same >= 0) {
    const message = 'the threshold cannot be reached: some keys of the rule are the same';
    throw bad(source, [placed(document, finding('policy-bad-threshold', message, ['rules', same, 'threshold']))]);
  }
  return {
    policy: { source, digest: digestOf(text), default: file.default, rules },
    keys: distinct(keys.flat()),
  };
};

const parse = (text: string, source: string): { readonly document: YamlDocument; readonly file: PolicyFile } => {
  const { documents, diagnostics } = parseYaml(text, { file: source, maxBytes: CAP });
  if (diagnostics.some(({ severity }) => severity === 'error')) throw bad(source, diagnostics);
  const [document, ...others] = documents;
  if (document === undefined || others.length > 0) {
    const message = `a policy is one document, not ${documents.length}`;
    throw bad(source, [{ ...finding('policy-bad-value', message, []), file: source }]);
  }
  const { policy, diagnostics: findings } = readPolicy(document.value);
  if (policy === undefined)
    throw bad(
      source,
      findings.map((one) => placed(document, one)),
    );
  return { document, file: policy };
};

const loadKey = async (
  { path, pem, id }: PolicyKey,
  at: Path,
  readKey: (path: string) => Promise<string>,
): Promise<{ readonly key: PublicKey } | { readonly finding: Diagnostic }> => {
  try {
    const key = readPublicKey(pem ?? (await readKey(path as string)));
    if (id === undefined || id === key.id) return { key };
    return { finding: finding('policy-other-key', `the key has the id ${key.id}`, [...at, 'id']) };
  } catch (error) {
    if (!isWaybillError(error)) throw error;
    return { finding: finding('policy-bad-key', error.message, [...at, pem === undefined ? 'path' : 'pem']) };
  }
};

const readText = async (path: string): Promise<string> => {
  const pieces: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than the cap is enough to know.
    for await (const piece of createReadStream(path, { end: CAP })) pieces.push(piece);
  } catch (cause) {
    throw new WaybillError('NotFound', `${path} cannot be read`, { cause, subject: path });
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length > CAP) throw new WaybillError('TooLarge', `${path} has more than ${CAP} bytes`, { subject: path });
  return bytes.toString('utf8');
};

const distinct = (keys: readonly PublicKey[]): readonly PublicKey[] => [
  ...new Map<Digest, PublicKey>(keys.map((key) => [key.id, key])).values(),
];

const finding = (code: string, message: string, path: Path): Diagnostic => ({
  code,
  severity: 'error',
  message,
  path,
});

const placed = (document: YamlDocument, { code, severity, message, path = [] }: Diagnostic): Diagnostic =>
  document.diagnose(path, { code, severity, message, part: code.endsWith('-field') ? 'key' : 'value' });

const bad = (source: string, diagnostics: readonly Diagnostic[]): WaybillError =>
  new WaybillError('BadPolicy', `the policy ${source} cannot be used`, { diagnostics, subject: source });
