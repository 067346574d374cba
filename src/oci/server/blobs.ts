import { isWaybillError } from '../../core/index.ts';
import type { ByteRange, Repository } from '../types.ts';
import { answer, answerStream, digestIn, type Exchange, lengthOf } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { Repositories } from './repositories.ts';
import { rangeOf, type Upload, type Uploads } from './uploads.ts';

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs */
export const getBlob = async (exchange: Exchange, repository: Repository, text: string): Promise<void> => {
  const digest = digestIn(text);
  const size = await repository.sizeOf(digest);
  if (size === undefined) throw new Refusal('BLOB_UNKNOWN', `there is no blob ${digest}`);
  const range = byteRange(exchange.request.headers.range, size);
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  };
  await answerStream(exchange, range === undefined ? 200 : 206, headers, () => repository.read(digest, range));
};

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-blobs */
export const deleteBlob = async (exchange: Exchange, repository: Repository, text: string): Promise<void> => {
  const digest = digestIn(text);
  try {
    await repository.deleteBlob(digest);
  } catch (error) {
    throw isWaybillError(error, 'NotFound') ? new Refusal('BLOB_UNKNOWN', `there is no blob ${digest}`) : error;
  }
  answer(exchange, 202, {});
};

/** Mounts a blob, takes a whole one, or begins an upload. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs */
export const beginUpload = async (
  exchange: Exchange,
  name: string,
  { repositories, uploads }: { readonly repositories: Repositories; readonly uploads: Uploads },
): Promise<void> => {
  const { searchParams } = exchange.url;
  const mount = searchParams.get('mount');
  if (mount !== null && (await mounted(exchange, name, mount, repositories))) return;
  const digest = searchParams.get('digest');
  const length = lengthOf(exchange);
  if (digest !== null && length !== undefined) {
    await store(exchange, name, digest, async (wanted) => {
      const descriptor = { mediaType: 'application/octet-stream', digest: wanted, size: length };
      await repositories.make(name).push(descriptor, length === 0 ? new Uint8Array() : exchange.request);
    });
    return;
  }
  accepted(exchange, 202, await uploads.begin(name));
};

const mounted = async (
  exchange: Exchange,
  name: string,
  mount: string,
  repositories: Repositories,
): Promise<boolean> => {
  const digest = digestIn(mount);
  const source = repositories.find(exchange.url.searchParams.get('from') ?? '');
  const size = await source?.sizeOf(digest);
  if (source === undefined || size === undefined) return false;
  const descriptor = { mediaType: 'application/octet-stream', digest, size };
  await repositories.make(name).push(descriptor, await source.read(digest));
  created(exchange, name, digest);
  return true;
};

/** What has come so far. */
export const uploadStatus = (exchange: Exchange, upload: Upload): void => accepted(exchange, 204, upload);

/** Takes a piece. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks */
export const appendChunk = async (exchange: Exchange, upload: Upload, uploads: Uploads): Promise<void> => {
  accepted(exchange, 202, await uploads.append(upload, exchange.request, startIn(exchange)));
};

/** Takes the last piece, if there is one, and stores the blob. */
export const finishUpload = async (
  exchange: Exchange,
  upload: Upload,
  { repositories, uploads }: { readonly repositories: Repositories; readonly uploads: Uploads },
): Promise<void> => {
  const { name } = upload;
  await store(exchange, name, exchange.url.searchParams.get('digest'), async (digest) => {
    const whole = lengthOf(exchange) === 0 ? upload : await uploads.append(upload, exchange.request, startIn(exchange));
    await uploads.finish(whole, digest, repositories.make(name));
  });
};

export const cancelUpload = async (exchange: Exchange, upload: Upload, uploads: Uploads): Promise<void> => {
  await uploads.cancel(upload);
  answer(exchange, 204, {});
};

const store = async (
  exchange: Exchange,
  name: string,
  text: string | null,
  put: (digest: ReturnType<typeof digestIn>) => Promise<void>,
): Promise<void> => {
  const digest = digestIn(text);
  try {
    await put(digest);
  } catch (error) {
    if (!isWaybillError(error, 'DigestMismatch') && !isWaybillError(error, 'SizeMismatch')) throw error;
    throw new Refusal('DIGEST_INVALID', `the blob is not ${digest}`);
  }
  created(exchange, name, digest);
};

const created = (exchange: Exchange, name: string, digest: string): void =>
  answer(exchange, 201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest });

const accepted = (exchange: Exchange, status: number, upload: Upload): void =>
  answer(exchange, status, {
    location: `/v2/${upload.name}/blobs/uploads/${upload.id}`,
    range: rangeOf(upload),
    'docker-upload-uuid': upload.id,
  });

/** Where the piece begins that a `Content-Range` names; its length is what the request says it is. */
const startIn = (exchange: Exchange): number | undefined => {
  const text = exchange.request.headers['content-range'];
  if (text === undefined) return undefined;
  const { start, end } = /^(?:bytes )?(?<start>\d{1,15})-(?<end>\d{1,15})(?:\/.*)?$/.exec(text)?.groups ?? {};
  const length = lengthOf(exchange);
  if (start === undefined || (length !== undefined && Number(end) - Number(start) + 1 !== length)) {
    throw new Refusal('BLOB_UPLOAD_INVALID', `"${text.slice(0, 64)}" is not the range of the piece`);
  }
  return Number(start);
};

/** The range that a request asks for; undefined for all. Several at once are answered with all. https://www.rfc-editor.org/rfc/rfc9110#name-range */
const byteRange = (text: string | undefined, size: number): ByteRange | undefined => {
  const { first, last } = /^bytes=(?<first>\d{0,15})-(?<last>\d{0,15})$/.exec(text ?? '')?.groups ?? {};
  if (first === undefined || last === undefined || first + last === '') return undefined;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  if (start > end) {
    const headers = { 'content-range': `bytes */${size}` };
    throw new Refusal('SIZE_INVALID', `the blob has ${size} bytes`, { status: 416, headers });
  }
  return { start, end };
};
