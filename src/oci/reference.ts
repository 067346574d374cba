import { type Digest, isDigest, WaybillError } from '../core/index.ts';

/** One object of a bundle: `#task/build`. */
export interface ObjectName {
  readonly kind: 'task' | 'pipeline' | 'stepaction';
  readonly name: string;
}

/** A repository of a registry, and what in it. With a tag and a digest the digest decides. */
export interface RegistryReference {
  readonly kind: 'registry';
  /** Lower case, with the port if there is one; `docker.io` for Docker Hub under any of its names. */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
  /** A semver range over the tags; never beside a tag or a digest. */
  readonly range?: string;
  readonly object?: ObjectName;
}

/** A folder in the OCI image layout. */
export interface LayoutReference {
  readonly kind: 'layout';
  readonly dir: string;
  readonly tag?: string;
  readonly digest?: Digest;
  readonly object?: ObjectName;
}

/** A file or folder with Tekton objects. */
export interface FileReference {
  readonly kind: 'file';
  readonly path: string;
  readonly object?: ObjectName;
}

/** What another resolver understands: the text behind its prefix, the whole URL for `https`. */
export interface ResolverReference {
  readonly kind: 'resolver';
  readonly resolver: 'hub' | 'git' | 'https';
  readonly text: string;
}

/** A parsed reference. The grammar and a table of examples are in `docs/references.md`. */
export type Reference = RegistryReference | LayoutReference | FileReference | ResolverReference;

const HOST = /^(?:(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const OBJECT = /^(task|pipeline|stepaction)\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/i;
const VERSION = String.raw`v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?`;
const COMPARATOR = String.raw`(?:\^|~|>=|<=|>|<|=)?\s*${VERSION}`;
const RANGE = new RegExp(`^${COMPARATOR}(?:(?:\\s+-\\s+|\\s*\\|\\|\\s*|\\s+)${COMPARATOR})*$`);
const LONGEST = 2048;

/** Refuses what no reference could name again, with `BadReference`. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export const assertTag = (text: string): void => {
  if (!TAG.test(text)) throw bad(text, 'is no tag: up to 128 letters, digits, and . _ - after the first');
};

/** Whether a text can be the name of a repository. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export const isRepositoryName = (text: string): boolean => text.length <= 255 && REPOSITORY.test(text);

/**
 * Reads a reference; throws `BadReference`, with the spellings that would fit as hint. A text whose first part has a
 * `.` or `:` or is `localhost` is a registry; there is no registry that is meant where none is named.
 */
export const parseReference = (text: string): Reference => {
  if (text === '' || text !== text.trim()) throw bad(text, 'is empty or has spaces around it');
  if (text.length > LONGEST) throw bad(text, `is longer than ${LONGEST} characters`);
  if (/\p{Cc}/u.test(text)) throw bad(text, 'has control characters');
  const prefix = /^(hub|git|https|oci|file):/.exec(text)?.[1];
  switch (prefix) {
    case 'hub':
    case 'git':
      return resolver(prefix, text, text.slice(prefix.length + 1));
    case 'https':
      return resolver('https', text, text);
    case 'oci':
      return layout(text);
    case 'file':
      return file(text, text.slice('file:'.length));
    default:
      return /^[./]/.test(text) ? file(text, text) : registry(text);
  }
};

/** A reference as text again, in its shortest spelling: parsing it gives the same reference. */
export const formatReference = (reference: Reference): string => {
  switch (reference.kind) {
    case 'registry': {
      const { host, repository, tag, digest, range } = reference;
      return `${host}/${repository}${part(':', tag)}${part('@', digest ?? range)}${objectPart(reference)}`;
    }
    case 'layout':
      return `oci:${reference.dir}${part(':', reference.tag)}${part('@', reference.digest)}${objectPart(reference)}`;
    case 'file':
      return `${/^[./]/.test(reference.path) ? '' : 'file:'}${reference.path}${objectPart(reference)}`;
    case 'resolver':
      return reference.resolver === 'https' ? reference.text : `${reference.resolver}:${reference.text}`;
  }
};

const part = (mark: string, text: string | undefined): string => (text === undefined ? '' : `${mark}${text}`);

const objectPart = ({ object }: { readonly object?: ObjectName }): string =>
  object === undefined ? '' : `#${object.kind}/${object.name}`;

const registry = (text: string): RegistryReference => {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    throw bad(
      text,
      `starts with "${scheme}://", which no reference does`,
      text.slice(scheme.length + 3).replace(/^[^/@]*@/, ''),
    );
  }
  const [body, object] = splitObject(text);
  const slash = body.indexOf('/');
  const first = (slash < 0 ? body : body.slice(0, slash)).toLowerCase();
  if (slash < 0) throw bad(text, 'names no repository', ...meant(body, `docker.io/library/${body}`));
  if (!/[.:]/.test(first) && first !== 'localhost') {
    throw bad(text, 'does not start with the host of a registry', ...meant(body, `docker.io/${body}`));
  }
  if (!HOST.test(first) || Number(/:(\d+)$/.exec(first)?.[1] ?? 1) > 65_535) {
    throw bad(text, `has a bad host "${first}"`);
  }
  const [name, pin] = splitPin(body.slice(slash + 1));
  const [path, tag] = splitTag(name);
  const host = first === 'index.docker.io' ? 'docker.io' : first;
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (!isRepositoryName(repository)) {
    const lower = path.toLowerCase();
    const fits = lower !== path && isRepositoryName(lower) ? [`${host}/${lower}`] : [];
    throw bad(text, `has a bad repository "${path}"`, ...fits);
  }
  if (tag !== undefined && !TAG.test(tag)) throw bad(text, `has a bad tag "${tag}"`);
  if (pin !== undefined && !isDigest(pin)) {
    if (pin.includes(':')) throw bad(text, 'has a bad digest', `${host}/${path}@sha256:<64 hex digits>`);
    if (tag !== undefined) throw bad(text, 'has a tag and a range', `${host}/${path}:${tag}`, `${host}/${path}@${pin}`);
    if (!RANGE.test(pin)) throw bad(text, `has a bad range "${pin}"`, `${host}/${path}:${pin}`, `${host}/${path}@^1.2`);
    return { kind: 'registry', host, repository, range: pin, ...object };
  }
  return { kind: 'registry', host, repository, ...optional({ tag, digest: pin }), ...object };
};

const layout = (text: string): LayoutReference => {
  const [body, object] = splitObject(text.slice('oci:'.length));
  if (body.startsWith('//')) throw bad(text, 'is no folder', body.slice(2), `oci:${body.slice(1)}`);
  const at = body.lastIndexOf('@');
  const pin = at < 0 || body.includes('/', at) ? undefined : body.slice(at + 1);
  const [dir, tag] = splitTag(pin === undefined ? body : body.slice(0, at));
  if (dir === '') throw bad(text, 'names no folder', 'oci:DIR:TAG');
  if (tag !== undefined && !TAG.test(tag)) throw bad(text, `has a bad tag "${tag}"`);
  if (pin !== undefined && !isDigest(pin)) {
    throw bad(text, 'has a bad digest; a folder takes no range', `oci:${dir}${part(':', tag)}`);
  }
  return { kind: 'layout', dir, ...optional({ tag, digest: pin }), ...object };
};

const file = (text: string, rest: string): FileReference => {
  const [path, object] = splitObject(rest);
  if (path === '') throw bad(text, 'names no file', 'file:PATH');
  if (path.startsWith('//')) throw bad(text, 'is no path', path.replace(/^\/+/, '/'));
  return { kind: 'file', path, ...object };
};

const resolver = (name: ResolverReference['resolver'], whole: string, text: string): ResolverReference => {
  if (text === '') throw bad(whole, 'says nothing behind its prefix');
  const isUrl = /^https:\/\/[^/?#]/.test(text) && URL.canParse(text);
  if (name === 'https' && !isUrl) throw bad(whole, 'is no URL', 'https://HOST/PATH');
  if (name === 'https' && new URL(text).username !== '') throw bad(whole, 'holds a user name or password');
  return { kind: 'resolver', resolver: name, text };
};

/** Parts a text from its `#KIND/NAME`; what stands behind a `#` must be one. */
const splitObject = (text: string): [string, { readonly object?: ObjectName }] => {
  const hash = text.indexOf('#');
  if (hash < 0) return [text, {}];
  const match = OBJECT.exec(text.slice(hash + 1));
  if (match === null) {
    throw bad(text, 'has something behind # that is no object', `${text.slice(0, hash)}#task/NAME`);
  }
  const [, kind = '', name = ''] = match;
  if (name !== name.toLowerCase()) throw bad(text, 'has an object name that is not in lower case');
  return [text.slice(0, hash), { object: { kind: kind.toLowerCase() as ObjectName['kind'], name } }];
};

const splitPin = (text: string): [string, string | undefined] => {
  const at = text.indexOf('@');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
};

/** The tag stands behind the last colon, unless a `/` follows it. */
const splitTag = (text: string): [string, string | undefined] => {
  const colon = text.lastIndexOf(':');
  return colon < 0 || text.includes('/', colon) ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
};

const optional = ({ tag, digest }: { tag: string | undefined; digest: Digest | undefined }) => ({
  ...(tag === undefined ? {} : { tag }),
  ...(digest === undefined ? {} : { digest }),
});

const SPELLINGS = ['HOST/REPO[:TAG][@sha256:…]', 'oci:DIR[:TAG]', 'file:PATH'];

/** What a text without a host may have been meant to be, the likeliest first: a name of a YAML file is hardly an image's. */
const meant = (body: string, image: string): readonly string[] =>
  /\.ya?ml$/i.test(body) ? [`./${body}`] : [image, `./${body}`, `oci:${body}`];

const bad = (text: string, why: string, ...fits: readonly string[]): WaybillError => {
  const hint = fits.length > 0 ? `did you mean ${fits.join(' or ')}?` : `write ${SPELLINGS.join(', ')}`;
  return new WaybillError('BadReference', `"${shown(text).slice(0, 200)}" ${why}`, { hint: shown(hint) });
};

/** Without control characters, and without what may be a password. */
const shown = (text: string): string => text.replace(/\p{Cc}/gu, '?').replace(/\/\/[^/@]*@/g, '//…@');
