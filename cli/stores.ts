import { WaybillError } from 'waybill';
import {
  type LayoutReference,
  openStore,
  parseReference,
  type RegistryOptions,
  type RegistryReference,
  type Store,
} from 'waybill/oci';
import type { Option, Options } from './command.ts';

/** Options of every command that talks to a registry. */
export const REGISTRY_OPTIONS: readonly Option[] = [
  {
    flags: '--insecure <host>',
    says: 'speak plain HTTP to this host, HOST[:PORT]; by itself it is done only for this machine',
    repeat: true,
  },
];

export const registryOptions = (options: Options): RegistryOptions => ({
  insecure: (options.insecure ?? []) as readonly string[],
});

export interface OpenedReference {
  readonly store: Store;
  /** What to resolve in the store. */
  readonly ref: string;
  readonly reference: RegistryReference | LayoutReference;
}

/** The store of a reference given on the command line; a file or another resolver is refused. */
export const open = (text: string, options: Options): OpenedReference => {
  const reference = parseReference(text);
  const opened = openStore(reference, registryOptions(options));
  return { ...opened, reference: reference as RegistryReference | LayoutReference };
};

/** Like {@link open}, for a reference that content is written to: it names a tag, and no digest or object. */
export const openTarget = (
  text: string,
  options: Options,
): { readonly store: Store; readonly tag: string; readonly reference: RegistryReference | LayoutReference } => {
  const { store, reference } = open(text, options);
  if (reference.digest !== undefined || reference.object !== undefined) {
    throw new WaybillError('Usage', `${text} cannot be written to: a digest follows from the content`, {
      hint: 'name a tag',
    });
  }
  return { store, tag: reference.tag ?? 'latest', reference };
};

/** `HOST/REPO` or `oci:DIR`: what policies match. */
export const nameOf = (reference: RegistryReference | LayoutReference): string =>
  reference.kind === 'registry' ? `${reference.host}/${reference.repository}` : `oci:${reference.dir}`;
