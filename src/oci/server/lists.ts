import { isWaybillError } from '../../core/index.ts';
import { type Descriptor, type Index, MEDIA_TYPES, type Repository } from '../types.ts';
import { MANIFEST_CAP } from '../verify.ts';
import { answerJson, digestIn, type Exchange, limitIn } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { Repositories } from './repositories.ts';

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags */
export const listTags = async (exchange: Exchange, name: string, repository: Repository): Promise<void> => {
  const all: string[] = [];
  try {
    for await (const tag of repository.tags()) all.push(tag);
  } catch (error) {
    // It has blobs, and no manifest yet.
    if (!isWaybillError(error, 'NotFound')) throw error;
    throw new Refusal('NAME_UNKNOWN', `there is no repository ${name}`);
  }
  const { page, headers } = pageOf(exchange, all);
  answerJson(exchange, { name, tags: page }, headers);
};

/** The repositories, as Docker's registry lists them; the specification has no such list. */
export const listRepositories = async (exchange: Exchange, repositories: Repositories): Promise<void> => {
  const { page, headers } = pageOf(exchange, await repositories.names());
  answerJson(exchange, { repositories: page }, headers);
};

/** One page of a sorted list, as `n` and `last` ask for it, and the link to the next one. */
const pageOf = (exchange: Exchange, all: readonly string[]) => {
  const limit = limitIn(exchange) ?? all.length;
  const last = exchange.url.searchParams.get('last');
  const rest = last === null ? all : all.filter((entry) => entry > last);
  const page = rest.slice(0, limit);
  return { page, headers: nextLink(exchange, page.length < rest.length ? page.at(-1) : undefined) };
};

const nextLink = ({ url }: Exchange, last: string | undefined): Record<string, string> => {
  if (last === undefined) return {};
  const next = new URLSearchParams(url.searchParams);
  next.set('last', last);
  return { link: `<${url.pathname}?${next}>; rel="next"` };
};

/** Bytes that are kept free in a page of referrers for what stands around them. */
const AROUND = 1024;

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
export const listReferrers = async (
  exchange: Exchange,
  repository: Repository | undefined,
  text: string,
): Promise<void> => {
  const subject = digestIn(text);
  const artifactType = exchange.url.searchParams.get('artifactType') ?? undefined;
  const last = exchange.url.searchParams.get('last');
  const all: Descriptor[] = [];
  if (repository !== undefined) {
    const listing = repository.referrers({ mediaType: '', digest: subject, size: 0 }, artifactType);
    try {
      for await (const referrer of listing) if (last === null || referrer.digest > last) all.push(referrer);
    } catch (error) {
      if (!isWaybillError(error, 'NotFound')) throw error;
    }
  }
  const { page, more } = fitting(all.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)));
  const index: Index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: page };
  answerJson(exchange, index, {
    'content-type': MEDIA_TYPES.index,
    ...(artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
    ...nextLink(exchange, more ? page.at(-1)?.digest : undefined),
  });
};

/** As many entries as an index may hold: clients refuse a larger one. */
const fitting = (entries: readonly Descriptor[]): { readonly page: readonly Descriptor[]; readonly more: boolean } => {
  let size = AROUND;
  const end = entries.findIndex((entry) => {
    size += Buffer.byteLength(JSON.stringify(entry)) + 1;
    return size > MANIFEST_CAP;
  });
  // One that alone is too large would stop the list for ever.
  return end < 0 ? { page: entries, more: false } : { page: entries.slice(0, Math.max(end, 1)), more: true };
};
