import { WaybillError } from '../core/index.ts';
import { type LayoutReference, parseReference, type Reference, type RegistryReference } from '../oci/index.ts';
import type { Place } from './types.ts';

/** Where a registry or layout reference points to; throws `Unsupported` for a range. */
export const placeOf = (text: string, reference: RegistryReference | LayoutReference): Place => {
  if (reference.kind === 'registry' && reference.range !== undefined) {
    throw new WaybillError('Unsupported', `${text}: ranges are not supported yet`, { hint: 'name a tag or a digest' });
  }
  const name = reference.kind === 'layout' ? `oci:${reference.dir}` : `${reference.host}/${reference.repository}`;
  return { text, name, reference };
};

/**
 * Where the `bundle` param of a reference inside Tekton YAML points to: a repository with a tag or digest, as Tekton
 * itself reads it. Throws `BadReference` for what Tekton would refuse: folders, files, ranges, objects.
 */
export const placeOfBundle = (text: string): Place => {
  const reference = parse(text);
  if (reference.kind !== 'registry' || reference.range !== undefined || reference.object !== undefined) {
    throw new WaybillError('BadReference', `invalid bundle reference: "${text}" names no image of a registry`, {
      hint: 'inside Tekton YAML write HOST/REPO:TAG or HOST/REPO@sha256:…',
    });
  }
  return placeOf(text, reference);
};

const parse = (text: string): Reference => {
  try {
    return parseReference(text);
  } catch (cause) {
    throw new WaybillError('BadReference', `invalid bundle reference: ${text.slice(0, 200)}`, { cause });
  }
};
