import { WaybillError } from '../core/index.ts';

/** One entry of an archive. `path` is relative, without `.` and `..`; a folder needs no `/` at its end. */
export type TarEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string };

const BLOCK = 512;
const TYPES = { file: '0', directory: '5', symlink: '2' } as const;
const MODES = { file: 0o644, directory: 0o755, symlink: 0o777 } as const;

/**
 * An archive in the order of its entries: owner root, time 0, no names of users. The same entries give the same bytes
 * on every machine. A path beyond the 100 bytes of ustar goes into a pax record.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export const tar = (entries: readonly TarEntry[]): Uint8Array =>
  Buffer.concat([...entries.flatMap(blocksOf), tarEnd()]);

/** What stands before the content of a file that is written as a stream; the content is padded to blocks of 512 bytes. */
export const tarHeader = ({ path, size }: { readonly path: string; readonly size: number }): Uint8Array => {
  assertPath(path);
  return header(path, TYPES.file, MODES.file, size, '');
};

/** The end of an archive. */
export const tarEnd = (): Uint8Array => Buffer.alloc(2 * BLOCK);

const blocksOf = (entry: TarEntry): readonly Uint8Array[] => {
  const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path;
  const link = entry.kind === 'symlink' ? entry.target : '';
  assertPath(entry.path);
  const content = entry.kind === 'file' ? entry.content : new Uint8Array();
  const mode = 'mode' in entry && entry.mode !== undefined ? entry.mode : MODES[entry.kind];
  const long = { ...(isLong(path) ? { path } : {}), ...(isLong(link) ? { linkpath: link } : {}) };
  const pax = Buffer.concat(Object.entries(long).map(([key, value]) => paxRecord(key, value)));
  return [
    ...(pax.byteLength > 0 ? [header('pax', 'x', 0o644, pax.byteLength, ''), pax, padding(pax)] : []),
    header(path, TYPES[entry.kind], mode, content.byteLength, link),
    content,
    padding(content),
  ];
};

const header = (path: string, type: string, mode: number, size: number, link: string): Buffer => {
  const block = Buffer.alloc(BLOCK);
  block.set(Buffer.from(path).subarray(0, 100), 0);
  octal(block, mode, 100, 8);
  octal(block, 0, 108, 8);
  octal(block, 0, 116, 8);
  // Eleven octal digits hold 8 GiB; above that GNU's binary form, which every tar reads.
  if (size < 8 ** 11) octal(block, size, 124, 12);
  else {
    block[124] = 0x80;
    block.writeUIntBE(size, 130, 6);
  }
  octal(block, 0, 136, 12);
  block.fill(' ', 148, 156);
  block.write(type, 156);
  block.set(Buffer.from(link).subarray(0, 100), 157);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
};

const octal = (block: Buffer, value: number, at: number, width: number): void => {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at);
};

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
const paxRecord = (key: string, value: string): Buffer => {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.byteLength + 1;
  while (rest.byteLength + String(length).length !== length) length = rest.byteLength + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
};

const padding = (content: Uint8Array): Buffer => Buffer.alloc((BLOCK - (content.byteLength % BLOCK)) % BLOCK);

const isLong = (text: string): boolean => Buffer.byteLength(text) > 100;

const assertPath = (path: string): void => {
  const parts = path.split('/');
  if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new WaybillError('InvalidInput', `"${path}" is no path in an archive`);
  }
};
