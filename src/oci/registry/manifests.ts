import { type Digest, digestOf, isDigest, parseDigest, WaybillError } from '../../core/index.ts';
import { isManifestLike, sniffMediaType } from '../manifest.ts';
import { type Content, type Descriptor, MEDIA_TYPES } from '../types.ts';
import { assertMatches, MANIFEST_CAP } from '../verify.ts';
import { discard } from './body.ts';
import type { Client, Request } from './client.ts';

const ACCEPT = [MEDIA_TYPES.index, MEDIA_TYPES.manifest, MEDIA_TYPES.dockerList, MEDIA_TYPES.dockerManifest].join(', ');

const about = (client: Client, ref: string): Pick<Request, 'to' | 'what'> => ({
  to: `${client.repository}/manifests/${ref}`,
  what: `manifest ${ref} of ${client.host}/${client.repository}`,
});

/**
 * The descriptor that a tag or digest names; throws `NotFound`. Asked by HEAD; registries that answer it with too
 * little, or do not know it, are asked for the manifest itself, which is then measured here.
 */
export const resolveManifest = async (client: Client, ref: string, signal?: AbortSignal): Promise<Descriptor> => {
  const response = await client.send({
    ...about(client, ref),
    method: 'HEAD',
    action: 'pull',
    headers: { accept: ACCEPT },
    accept: [200, 404, 405],
    signal,
  });
  await discard(response);
  const mediaType = typeOf(response);
  const digest = response.headers.get('docker-content-digest') ?? '';
  const length = response.headers.get('content-length') ?? '';
  const complete =
    response.status === 200 && isDigest(digest) && /^\d{1,15}$/.test(length) && isManifestLike(mediaType);
  if (!complete) return (await readManifest(client, ref, signal)).descriptor;
  if (isDigest(ref) && digest !== ref) throw otherDigest(client, ref);
  return { mediaType, digest, size: Number(length) };
};

/** A manifest with its bytes, checked against the digest if that is what it was asked for by. */
export const readManifest = async (client: Client, ref: string, signal?: AbortSignal): Promise<Content> => {
  const request = { ...about(client, ref), method: 'GET', action: 'pull', headers: { accept: ACCEPT } } as const;
  const { response, bytes } = await client.read({ ...request, accept: [200], signal }, MANIFEST_CAP);
  const size = bytes.byteLength;
  const claimed = typeOf(response);
  const mediaType = isManifestLike(claimed) ? claimed : sniffMediaType(bytes);
  if (mediaType === undefined) {
    throw new WaybillError('BadManifest', `${ref} of ${client.host}/${client.repository} is no OCI manifest`);
  }
  const digest = isDigest(ref) ? ref : digestOf(bytes);
  if (isDigest(ref)) assertMatches(bytes, { mediaType, digest, size });
  return { descriptor: { mediaType, digest, size }, bytes };
};

/** Whether the repository has a manifest. */
export const hasManifest = async (client: Client, digest: Digest, signal?: AbortSignal): Promise<boolean> => {
  const request = { ...about(client, digest), method: 'HEAD', action: 'pull', headers: { accept: ACCEPT } } as const;
  const response = await client.send({ ...request, accept: [200, 404], signal });
  await discard(response);
  return response.status === 200;
};

/** What a registry said about a manifest that it took. */
export interface Pushed {
  /** That it keeps the list of referrers of the manifest's subject by itself. */
  readonly subjectKnown: boolean;
}

/**
 * Stores a manifest under a tag or its digest, byte for byte. A registry that does not know a blob yet is asked again: it
 * has been pushed, and docker-registry shows a blob half while others push the same one, as all signers do.
 */
export const pushManifest = async (
  client: Client,
  ref: string,
  { descriptor, bytes }: Content,
  signal?: AbortSignal,
): Promise<Pushed> => {
  const request = {
    ...about(client, ref),
    method: 'PUT',
    action: 'push',
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
    accept: [200, 201, 202, 400, 404],
    signal,
  } as const;
  const started = client.now();
  for (let attempt = 1; ; attempt += 1) {
    const response = await client.send(request);
    if (!response.ok) {
      const error = await client.refusal(response, request.what);
      if (!/\b(?:MANIFEST_)?BLOB_UNKNOWN\b/.test(error.message)) throw error;
      if (!(await client.again(attempt, started, signal))) throw error;
      continue;
    }
    await discard(response);
    const stored = response.headers.get('docker-content-digest');
    if (stored?.startsWith('sha256:') && parseDigest(stored) !== descriptor.digest) {
      throw otherDigest(client, descriptor.digest);
    }
    return { subjectKnown: response.headers.has('oci-subject') };
  }
};

/** Removes a manifest; throws `NotFound`. */
export const deleteManifest = async (client: Client, digest: Digest, signal?: AbortSignal): Promise<void> => {
  const request = { ...about(client, digest), method: 'DELETE', action: 'delete', accept: [200, 202] } as const;
  await discard(await client.send({ ...request, signal }));
};

const typeOf = (response: Response): string =>
  (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

const otherDigest = (client: Client, wanted: string): WaybillError =>
  new WaybillError('DigestMismatch', `${client.host} answers with another digest than ${wanted}`, {
    hint: 'the registry, or something between it and here, changes manifests',
  });
