import { type Digest, digestOf, hasherFor, isDigest, isWaybillError } from '../../core/index.ts';
import { isManifestLike, isManifestType, parseManifest, referrerOf, sniffMediaType } from '../manifest.ts';
import { assertTag } from '../reference.ts';
import type { Content, Repository } from '../types.ts';
import { MANIFEST_CAP } from '../verify.ts';
import { answer, answerStream, type Exchange, readBody } from './exchange.ts';
import { Refusal } from './refusal.ts';

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export const getManifest = async (exchange: Exchange, repository: Repository, reference: string): Promise<void> => {
  const descriptor = await known(reference, () => repository.resolve(reference));
  const { mediaType, digest, size } = descriptor;
  const headers = {
    'content-type': mediaType,
    'content-length': size,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  };
  await answerStream(exchange, 200, headers, () => repository.fetch(descriptor));
};

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
export const putManifest = async (
  exchange: Exchange,
  name: string,
  repository: Repository,
  reference: string,
): Promise<void> => {
  if (!isDigest(reference)) assertReference(reference);
  const bytes = await readBody(exchange, MANIFEST_CAP);
  const mediaType = mediaTypeOf(exchange.request.headers['content-type'], bytes);
  const digest = digestFor(reference, bytes);
  const content: Content = { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  const subject = await assertSound(content, repository);
  await repository.push(content.descriptor, bytes);
  if (!isDigest(reference)) await repository.tag(content.descriptor, reference);
  answer(exchange, 201, {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
  });
};

/** Deletes a manifest with its tags, or one tag. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management */
export const deleteManifest = async (exchange: Exchange, repository: Repository, reference: string): Promise<void> => {
  await known(reference, async () => {
    if (isDigest(reference)) await repository.delete(await repository.resolve(reference));
    else await repository.untag(reference);
  });
  answer(exchange, 202, {});
};

const known = async <T>(reference: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!isWaybillError(error, 'NotFound')) throw error;
    throw new Refusal('MANIFEST_UNKNOWN', `there is no manifest ${reference.slice(0, 160)}`);
  }
};

const assertReference = (reference: string): void => {
  try {
    assertTag(reference);
  } catch {
    const code = reference.includes(':') ? 'DIGEST_INVALID' : 'MANIFEST_INVALID';
    throw new Refusal(code, `"${reference.slice(0, 160)}" is neither a tag nor a digest`);
  }
};

/** The type that header and body agree on. */
const mediaTypeOf = (header: string | undefined, bytes: Uint8Array): string => {
  const said = header?.split(';')[0]?.trim();
  const found = sniffMediaType(bytes);
  if (found === undefined) throw new Refusal('MANIFEST_INVALID', 'the body is no manifest and no index');
  if (said === undefined || said === found) return found;
  // A document without a type of its own is what its header says, if that can be.
  const untyped = !('mediaType' in (JSON.parse(Buffer.from(bytes).toString('utf8')) as object));
  if (untyped && isManifestLike(said) && isManifestType(said) === isManifestType(found)) return said;
  throw new Refusal('MANIFEST_INVALID', `the body is a ${found}, the header says ${said.slice(0, 128)}`);
};

const digestFor = (reference: string, bytes: Uint8Array): Digest => {
  if (!isDigest(reference)) return digestOf(bytes);
  const found = `${reference.slice(0, reference.indexOf(':'))}:${hasherFor(reference).update(bytes).digest('hex')}`;
  if (found !== reference) throw new Refusal('DIGEST_INVALID', `the body is not ${reference}`);
  return reference;
};

/** Refuses what is not as its type wants it, or names blobs that are not there; the result is the subject, if any. */
const assertSound = async (content: Content, repository: Repository): Promise<Digest | undefined> => {
  try {
    const subject = referrerOf(content)?.subject.digest;
    if (!isManifestType(content.descriptor.mediaType)) return subject;
    const { config, layers } = parseManifest(content.bytes);
    for (const { digest, mediaType } of [config, ...layers]) {
      // Layers that may not be distributed live elsewhere.
      if (/nondistributable|\.foreign\./.test(mediaType)) continue;
      if ((await repository.sizeOf(digest)) === undefined) {
        throw new Refusal('MANIFEST_BLOB_UNKNOWN', `there is no blob ${digest}`);
      }
    }
    return subject;
  } catch (error) {
    if (!isWaybillError(error, 'BadManifest')) throw error;
    throw new Refusal('MANIFEST_INVALID', error.message);
  }
};
