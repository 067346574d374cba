import { crc32 } from 'node:zlib';

/** Most that one stored block holds. https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4 */
const BLOCK = 65_535;

/**
 * Bytes in a gzip envelope without compression, written here rather than by zlib: the output depends on the input
 * alone, on every machine and every version. https://www.rfc-editor.org/rfc/rfc1952
 */
export const gzipStored = (bytes: Uint8Array): Uint8Array => {
  const blocks = Math.max(1, Math.ceil(bytes.byteLength / BLOCK));
  const out = Buffer.alloc(10 + bytes.byteLength + blocks * 5 + 8);
  // Magic, deflate, no flags, no time, no level, unknown system.
  out.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  let at = 10;
  for (let block = 0; block < blocks; block += 1) {
    const piece = bytes.subarray(block * BLOCK, (block + 1) * BLOCK);
    at = out.writeUInt8(block === blocks - 1 ? 1 : 0, at);
    at = out.writeUInt16LE(piece.byteLength, at);
    at = out.writeUInt16LE(piece.byteLength ^ 0xffff, at);
    out.set(piece, at);
    at += piece.byteLength;
  }
  at = out.writeUInt32LE(crc32(bytes), at);
  out.writeUInt32LE(bytes.byteLength % 2 ** 32, at);
  return out;
};

/** Whether bytes start as gzip does. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
