import type { FileHandle } from 'node:fs/promises';
import { WaybillError } from '../../core/index.ts';

/** A file in an archive: its bytes lie in the archive as they are. */
export interface Entry {
  /** Offset of its first byte. */
  readonly at: number;
  readonly size: number;
}

const BLOCK = 512;
/** Entries that an archive may have, and bytes of the records about one entry. */
const MOST = 1_000_000;
const RECORD_CAP = 64 * 1024;

/**
 * The files of a tar archive, by their paths, found by reading the headers alone. Knows ustar, pax and GNU's long names;
 * links and devices are passed over, as nothing in a layout is one. Throws `InvalidInput` for what is no archive.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export const readEntries = async (file: FileHandle, name: string): Promise<ReadonlyMap<string, Entry>> => {
  const entries = new Map<string, Entry>();
  const { size: end } = await file.stat();
  const broken = (why: string): WaybillError => new WaybillError('InvalidInput', `${name} is no tar archive: ${why}`);
  const read = async (at: number, length: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead < length) throw broken('it ends early');
    return buffer;
  };
  let next: { path?: string; size?: number } = {};
  for (let at = 0, count = 0; at + BLOCK <= end; count += 1) {
    if (count > MOST) throw broken(`it has more than ${MOST} entries`);
    const header = await read(at, BLOCK);
    // Two empty blocks are the end; one is enough to believe it.
    if (header.every((byte) => byte === 0)) return entries;
    if (!isHeader(header)) throw broken('a header does not have its checksum');
    const type = String.fromCharCode(header[156] ?? 0);
    const size = next.size ?? numberAt(header, 124, 12);
    if (size === undefined || at + BLOCK + size > end) throw broken('an entry is longer than the archive');
    at += BLOCK;
    switch (type) {
      case 'x':
      case 'L': {
        if (size > RECORD_CAP) throw broken('the record about an entry is too long');
        const record = await read(at, size);
        next = type === 'L' ? { ...next, path: cString(record) } : { ...next, ...paxOf(record) };
        break;
      }
      case '0':
      case '\0':
      case '7':
        entries.set(pathOf(next.path ?? ustarPath(header)), { at, size });
        next = {};
        break;
      // Records about all entries say nothing that is needed here.
      case 'g':
        break;
      default:
        next = {};
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  if (entries.size === 0) throw broken('it has no entries');
  return entries;
};

/** `./blobs//x` is `blobs/x`. */
const pathOf = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

const cString = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.byteLength : end);
};

const ustarPath = (header: Buffer): string => {
  const name = cString(header.subarray(0, 100));
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? cString(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
};

/** Octal digits, or GNU's binary form for sizes beyond 8 GiB. */
const numberAt = (header: Buffer, at: number, length: number): number | undefined => {
  if ((header[at] ?? 0) & 0x80) {
    const value = header.readUIntBE(at + length - 6, 6);
    return header.subarray(at + 1, at + length - 6).every((byte) => byte === 0) ? value : undefined;
  }
  const text = cString(header.subarray(at, at + length)).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
};

const isHeader = (header: Buffer): boolean => {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  return numberAt(header, 148, 8) === sum;
};

/** `LENGTH KEY=VALUE\n`, again and again. */
const paxOf = (record: Buffer): { path?: string; size?: number } => {
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < record.byteLength; ) {
    const length = Number.parseInt(record.toString('latin1', at, at + 8), 10);
    if (!(length > 0)) break;
    const text = record.toString('utf8', at, at + length);
    const [, key, value = ''] = /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(text) ?? [];
    if (key === 'path') found.path = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
};
