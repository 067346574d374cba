import type { CopyEvent } from 'waybill/oci';
import type { Context } from '../command.ts';
import { safe } from './terminal.ts';

/** What of a terminal's stream is needed. */
interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
}

/** The last line of a terminal, which is written again and again. */
export interface StatusLine {
  /** Shows a text in place of the one before, as much of it as fits. */
  show(text: string): void;
  /** Takes the line away, before something else is written. */
  clear(): void;
}

/** https://invisible-island.net/xterm/ctlseqs/ctlseqs.html: to the line's beginning, and erase it. */
const ERASE = '\r\u001b[K';

/** The status line of a terminal. */
export const statusLine = (terminal: Terminal): StatusLine => {
  let shown = false;
  const clear = (): void => {
    if (shown) terminal.write(ERASE);
    shown = false;
  };
  return {
    clear,
    show: (text) => {
      terminal.write(
        `${ERASE}${safe(text)
          .replace(/\n/g, ' ')
          .slice(0, Math.max(10, (terminal.columns || 80) - 1))}`,
      );
      shown = true;
    },
  };
};

export interface Progress {
  readonly onEvent: (event: CopyEvent) => void;
}

/** Milliseconds between two texts: faster than that nobody reads. */
const INTERVAL = 100;

/** Shows how far a transfer is, on a terminal; elsewhere it shows nothing. `verb` is what is being done: `copying`. */
export const transferProgress = ({ status, now }: Pick<Context, 'status' | 'now'>, verb: string): Progress => {
  const sizes = new Map<string, number>();
  const passed = new Map<string, number>();
  const done = new Set<string>();
  const started = now();
  let last = Number.NEGATIVE_INFINITY;
  const show = (): void => {
    if (status === undefined || now() - last < INTERVAL) return;
    last = now();
    const sum = (map: ReadonlyMap<string, number>): number =>
      [...map.values()].reduce((total, size) => total + size, 0);
    const seconds = (now() - started) / 1000;
    const bytes = sum(passed);
    const rate = seconds >= 1 && bytes > 0 ? `, ${sizeText(bytes / seconds)}/s` : '';
    status(`${verb} ${done.size}/${sizes.size}, ${sizeText(bytes)} of ${sizeText(sum(sizes))}${rate}`);
  };
  return {
    onEvent: (event) => {
      const { digest, size } = event.descriptor;
      sizes.set(digest, size);
      if (event.kind === 'passed') passed.set(digest, event.bytes);
      if (event.kind === 'done') {
        done.add(digest);
        passed.set(digest, size);
      }
      show();
    },
  };
};

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A number of bytes for people: `512 B`, `1.5 MiB`. */
export const sizeText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
};
