import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WaybillError } from 'waybill';
import { createHttp, traced } from 'waybill/http';
import {
  createCredentials,
  type LayoutReference,
  type OpenOptions,
  openCache,
  openStore,
  parseReference,
  type RegistryReference,
  type Store,
} from 'waybill/oci';
import type { Context, Option, Options } from './command.ts';
import { mirrorsOf, readMirrors } from './registries.ts';

export const AUTHFILE_OPTION: Option = {
  flags: '--authfile <file>',
  says: "credentials, in the form of Docker's config.json; default: the usual files",
};

/** Options of every command that talks to a registry. */
export const REGISTRY_OPTIONS: readonly Option[] = [
  {
    flags: '--insecure <host>',
    says: 'speak plain HTTP to this host, HOST[:PORT]; https://HOST[:PORT]: do not check its certificate',
    repeat: true,
  },
  { flags: '--ca-file <file>', says: 'certificate authorities (PEM) to trust, besides the usual ones' },
  { flags: '--cert-file <file>', says: 'client certificate (PEM) for the registries that are named' },
  { flags: '--key-file <file>', says: 'key of the client certificate (PEM)' },
  AUTHFILE_OPTION,
  { flags: '--mirror <host=mirror>', says: 'ask MIRROR (HOST[/PREFIX]) before HOST', repeat: true },
  { flags: '--debug', says: 'show every request to a registry and its answer, without secrets' },
];

/** For commands that read bundles: the same content is not fetched again. Without this option nothing is kept. */
export const CACHE_OPTION: Option = { flags: '--no-cache', says: 'fetch everything anew, and keep nothing' };

/** The folder of the cache: `WAYBILL_CACHE`, where `off` is none, or else `waybill/content` in the user's cache. */
const cacheFolder = ({ WAYBILL_CACHE, XDG_CACHE_HOME, HOME }: Context['env']): string | undefined => {
  if (WAYBILL_CACHE) return WAYBILL_CACHE === 'off' ? undefined : WAYBILL_CACHE;
  const caches = XDG_CACHE_HOME || (HOME ? join(HOME, '.cache') : undefined);
  return caches === undefined ? undefined : join(caches, 'waybill', 'content');
};

/** What the stores of one command share: connections, credentials, mirrors. */
interface Session {
  readonly options: OpenOptions;
  /** Hosts of references that the user named: they, and no others, get to see the client certificate. */
  readonly named: Set<string>;
}

/** By the options of a command, which are one object for one call. */
const sessions = new WeakMap<Options, Session>();

const sessionOf = (options: Options, context: Context): Session => {
  const known = sessions.get(options);
  if (known !== undefined) return known;
  const named = new Set<string>();
  const made = { options: openOptions(options, context, named), named };
  sessions.set(options, made);
  return made;
};

const openOptions = (options: Options, context: Context, named: ReadonlySet<string>): OpenOptions => {
  const { env, note, now } = context;
  const insecure = (options.insecure ?? []) as readonly string[];
  const { caFile, certFile, keyFile } = options as Readonly<Record<string, string | undefined>>;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new WaybillError('Usage', '--cert-file and --key-file go together');
  }
  const http = createHttp({
    env,
    insecureHosts: insecure.filter((host) => host.startsWith('https://')).map((host) => host.slice('https://'.length)),
    ...(caFile !== undefined && { ca: readPem(caFile) }),
    ...(certFile !== undefined &&
      keyFile !== undefined && {
        certificate: { cert: readPem(certFile), key: readPem(keyFile), isFor: (host: string) => named.has(host) },
      }),
  });
  const warned = new Set<string>();
  const folder = options.cache === true ? cacheFolder(env) : undefined;
  return {
    ...(folder !== undefined && { cache: openCache(folder) }),
    fetch: options.debug === true ? traced(http, note, now) : http,
    insecure: insecure.filter((host) => !host.includes('://')),
    credentials: createCredentials({ env: credentialEnv(options, context) }),
    mirrors: mirrorsOf(readMirrors(context, (options.mirror ?? []) as readonly string[])),
    onWarning: (text, host) => {
      const line = `warning: ${host} says: ${text}`;
      if (warned.has(line)) return;
      warned.add(line);
      note(line);
    },
  };
};

/** The environment in which credentials are looked up. */
export const credentialEnv = ({ authfile }: Options, { env }: Pick<Context, 'env'>): NodeJS.ProcessEnv =>
  typeof authfile === 'string' ? { ...env, REGISTRY_AUTH_FILE: authfile } : env;

/** How the registries that a command talks to are reached. */
export const openOptionsOf = (options: Options, context: Context): OpenOptions => sessionOf(options, context).options;

/** Largest file of certificates that is read, in bytes. */
const PEM_CAP = 4 * 1024 * 1024;

const readPem = (path: string): string => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WaybillError('NotFound', `cannot read ${path}`, { cause });
  }
  if (text.length <= PEM_CAP && text.includes('-----BEGIN ')) return text;
  throw new WaybillError('Usage', `${path} is no PEM file`, { hint: 'certificates and keys are PEM: -----BEGIN …' });
};

/** Opens the stores of references that a command meets, all of them with what its options say. */
export const storesOf = (
  options: Options,
  context: Context,
): ((reference: RegistryReference | LayoutReference) => Store) => {
  const session = sessionOf(options, context);
  return (reference) => {
    if (reference.kind === 'registry') session.named.add(reference.host);
    return openStore(reference, session.options).store;
  };
};

export interface OpenedReference {
  readonly store: Store;
  /** What to resolve in the store. */
  readonly ref: string;
  readonly reference: RegistryReference | LayoutReference;
}

/** The store of a reference given on the command line; a file or another resolver is refused. */
export const open = (text: string, options: Options, context: Context): OpenedReference => {
  const reference = parseReference(text);
  const session = sessionOf(options, context);
  if (reference.kind === 'registry') session.named.add(reference.host);
  const opened = openStore(reference, session.options);
  return { ...opened, reference: reference as RegistryReference | LayoutReference };
};

/** Like {@link open}, for a reference that content is written to: it names a tag, and no digest or object. */
export const openTarget = (
  text: string,
  options: Options,
  context: Context,
): { readonly store: Store; readonly tag: string; readonly reference: RegistryReference | LayoutReference } => {
  const { store, reference } = open(text, options, context);
  if (reference.digest !== undefined || reference.object !== undefined) {
    throw new WaybillError('Usage', `${text} cannot be written to: a digest follows from the content`, {
      hint: 'name a tag',
    });
  }
  if (reference.kind === 'layout' && reference.dir.endsWith('.tar')) {
    throw new WaybillError('Usage', `${text} is an archive, which is only read`, {
      hint: 'write to a folder: oci:DIR',
    });
  }
  return { store, tag: reference.tag ?? 'latest', reference };
};

/** `HOST/REPO` or `oci:DIR`: what policies match. */
export const nameOf = (reference: RegistryReference | LayoutReference): string =>
  reference.kind === 'registry' ? `${reference.host}/${reference.repository}` : `oci:${reference.dir}`;
