import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { WaybillError } from '../core/index.ts';
import { isGzip } from '../oci/gzip.ts';
import { MAX_LAYER } from './contract.ts';

/** Largest layer after decompression, in bytes: the object itself, and room for what an archive puts around it. */
const UNPACKED_CAP = MAX_LAYER + 64 * 1024;

/**
 * The object in a layer: the first file of an archive or, as the contract allows too, the layer itself; compressed by
 * gzip or not. Throws `BadBundle` for anything else, and `TooLarge` for what unpacks to more than fits into a cluster.
 */
export const decodeLayer = async (layer: Uint8Array, name: string): Promise<Uint8Array> => {
  const bytes = isGzip(layer) ? gunzip(layer, name) : layer;
  const found = isTar(bytes) ? await firstFile(bytes, name) : bytes;
  // Tekton hands out nothing here, without an error; what is empty is no object.
  if (found.byteLength === 0) throw new WaybillError('BadBundle', `${name} holds nothing`);
  return found;
};

const gunzip = (layer: Uint8Array, name: string): Uint8Array => {
  try {
    return gunzipSync(layer, { maxOutputLength: UNPACKED_CAP });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new WaybillError('TooLarge', `${name} unpacks to more than ${UNPACKED_CAP} bytes`);
    }
    throw new WaybillError('BadBundle', `${name} is broken gzip`, { cause });
  }
};

/** By the checksum of the first header, as old archives have no magic. */
const isTar = (bytes: Uint8Array): boolean => {
  if (bytes.byteLength < 512) return false;
  const header = Buffer.from(bytes.subarray(0, 512));
  const claimed = Number.parseInt(
    header
      .toString('latin1', 148, 156)
      .replace(/[\0 ]+$/, '')
      .trim(),
    8,
  );
  header.fill(' ', 148, 156);
  return header.reduce((sum, byte) => sum + byte, 0) === claimed;
};

const firstFile = async (bytes: Uint8Array, name: string): Promise<Uint8Array> => {
  const archive = extract();
  Readable.from([Buffer.from(bytes)]).pipe(archive);
  try {
    for await (const entry of archive) {
      if (entry.header.type !== 'file') throw new WaybillError('BadBundle', `${name} does not start with a file`);
      const pieces: Buffer[] = [];
      for await (const piece of entry) pieces.push(piece as Buffer);
      return Buffer.concat(pieces);
    }
  } catch (cause) {
    if (cause instanceof WaybillError) throw cause;
    throw new WaybillError('BadBundle', `${name} is a broken archive`, { cause });
  } finally {
    archive.destroy();
  }
  throw new WaybillError('BadBundle', `${name} is an empty archive`);
};
