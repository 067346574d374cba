import type { Line } from './lines.ts';

/** Lines whose stamps have the same second. */
interface Second {
  /** How many were taken. */
  count: number;
  /** Stamp and number of the first line taken in this second or a later one. */
  first: string;
  at: number;
}

/** Seconds that are remembered, and by how many a node's clock may be set back between two lines that are read apart. */
const REMEMBERED = 1024;
const BACK = 5;
/** Lines whose stamps are remembered one by one. */
const RECENT = 1024;

/**
 * How far a log has been read, for reading on after a cut. Logs only grow at their end, or lose their beginning when the node
 * rotates them; the time stamps that the kubelet writes before each line are those of writing, to the nanosecond, and need
 * not rise: standard output and error are stamped before they meet, and clocks are set back. So what comes again is told by
 * counting: all lines stamped since some seconds before the last one, which is what is asked for. Where their first is not the
 * one that it was, the log was rotated: it is looked for among the last lines, and else stamps decide.
 */
export class LogPlace {
  readonly #seconds = new Map<number, Second>();
  /** Stamps of the last lines taken: that of line n at n modulo {@link RECENT}. */
  readonly #recent: string[] = [];
  /** Stamp of the last line taken, and how many in a row had it. */
  #last = '';
  #same = 0;
  #taken = 0;
  #bytes = 0;
  #origin: string | undefined;
  #gaps = 0;
  /** What lines are, as far as they can be told. `old`: so many that were taken come first. */
  #phase:
    | { readonly kind: 'new' }
    | { readonly kind: 'reopened'; readonly old: number; readonly first: string }
    | { readonly kind: 'old'; left: number }
    | { readonly kind: 'rotated'; met: number } = { kind: 'new' };
  /** The line of which a piece was read, but not its end; `given`: bytes of it that were taken, now or before. */
  #open: { readonly stamp: string; readonly old: boolean; given: number; skip: number } | undefined;
  #partly: { readonly stamp: string; readonly given: number } | undefined;

  /** The `sinceTime` from which to read on: whole seconds, which is all that the API server passes on. */
  get since(): string | undefined {
    if (this.#last === '') return undefined;
    return new Date((secondOf(this.#last) - BACK) * 1000).toISOString().replace('.000', '');
  }

  /** How often lines may have been lost, since the log was rotated while nobody read it. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Bytes taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a line is the first that was taken. */
  isOrigin(line: Buffer): boolean {
    return this.#origin === undefined || stampOf(line)?.key === this.#origin;
  }

  /** To be called before a log is read from `since`. */
  reopen(): void {
    if (this.#open !== undefined && this.#open.given > 0) this.#partly = this.#open;
    this.#open = undefined;
    const since = this.#last === '' ? undefined : secondOf(this.#last) - BACK;
    const again = [...this.#seconds].filter(([second]) => since !== undefined && second >= since);
    const old = again.reduce((sum, [, { count }]) => sum + count, 0);
    const first = again.reduce<Second | undefined>((a, [, b]) => (a !== undefined && a.at < b.at ? a : b), undefined);
    this.#phase = first === undefined ? { kind: 'new' } : { kind: 'reopened', old, first: first.first };
  }

  /**
   * To be called when all that there is of the log was read; true where lines may have been lost: what should have come
   * again, and has not, was rotated away.
   */
  end(): boolean {
    return this.#phase.kind !== 'new' || this.#partly !== undefined;
  }

  /** Whether a piece begins as a line of a container does; what else stands in a log are the kubelet's own words. */
  isLine({ bytes }: Line): boolean {
    return this.#open !== undefined || stampOf(bytes) !== undefined;
  }

  /** A line, or a piece of one, without its time stamp; undefined if it was taken before, or is none of the container's. */
  take({ bytes, end }: Line): Buffer | undefined {
    const stamp = this.#open === undefined ? stampOf(bytes) : undefined;
    if (stamp !== undefined) {
      const old = this.#isOld(stamp.key);
      const skip = !old && this.#partly?.stamp === stamp.key ? this.#partly.given : 0;
      if (!old) {
        if (this.#partly !== undefined && skip === 0) this.#gaps += 1;
        this.#partly = undefined;
      }
      this.#open = { stamp: stamp.key, old, given: 0, skip };
    }
    const open = this.#open;
    if (open === undefined) return undefined;
    const text = stamp === undefined ? bytes : bytes.subarray(stamp.length);
    if (end !== 'cap') this.#open = undefined;
    if (open.old) return undefined;
    if (end !== 'cap') this.#count(open.stamp);
    const skipped = Math.min(open.skip, text.length);
    open.skip -= skipped;
    open.given += text.length;
    this.#bytes += text.length - skipped;
    const fresh = text.subarray(skipped);
    // A piece may be nothing but the end of the line, or have been taken before the cut.
    return fresh.length === 0 && (stamp === undefined || skipped > 0) ? undefined : fresh;
  }

  #isOld(stamp: string): boolean {
    if (this.#phase.kind === 'reopened') {
      const { old, first } = this.#phase;
      const left = stamp === first ? old : this.#countFrom(stamp);
      this.#phase = left > 0 ? { kind: 'old', left } : { kind: 'rotated', met: 0 };
    }
    const phase = this.#phase;
    switch (phase.kind) {
      case 'new':
        return false;
      case 'old':
        phase.left -= 1;
        if (phase.left > 0) return true;
        // A log that was rotated between lines of one stamp begins as it did, and is shorter.
        if (stamp !== this.#last) this.#gaps += 1;
        this.#phase = { kind: 'new' };
        return true;
      case 'rotated':
        if (stamp === this.#last) {
          phase.met += 1;
          if (phase.met === this.#same) this.#phase = { kind: 'new' };
          return true;
        }
        if (stamp < this.#last) return true;
        if (phase.met === 0) this.#gaps += 1;
        this.#phase = { kind: 'new' };
        return false;
    }
  }

  /** How many of the last lines come again where the log begins with this stamp; 0 where none of them has it. */
  #countFrom(stamp: string): number {
    const since = secondOf(this.#last) - BACK;
    let found = 0;
    let count = 0;
    for (let line = this.#taken - 1; line >= 0 && line > this.#taken - RECENT; line -= 1) {
      const other = this.#recent[line % RECENT] as string;
      if (secondOf(other) >= since) count += 1;
      if (other === stamp) found = count;
    }
    return found;
  }

  #count(stamp: string): void {
    this.#recent[this.#taken % RECENT] = stamp;
    this.#origin ??= stamp;
    this.#same = stamp === this.#last ? this.#same + 1 : 1;
    this.#last = stamp;
    const second = secondOf(stamp);
    const known = this.#seconds.get(second);
    if (known !== undefined) known.count += 1;
    else {
      this.#seconds.set(second, { count: 1, first: stamp, at: this.#taken });
      const [oldest] = this.#seconds.keys();
      if (this.#seconds.size > REMEMBERED && oldest !== undefined) this.#seconds.delete(oldest);
    }
    this.#taken += 1;
  }
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Seconds and nanoseconds as one text that sorts by time: zones and digits of stamps may differ. */
const stampOf = (line: Buffer): { readonly key: string; readonly length: number } | undefined => {
  const space = line.subarray(0, 40).indexOf(0x20);
  const match = space < 0 ? null : STAMP.exec(line.toString('latin1', 0, space));
  if (match === null) return undefined;
  const [, time = '', fraction = '', zone = ''] = match;
  const seconds = Date.parse(`${time}${zone}`) / 1000;
  if (Number.isNaN(seconds)) return undefined;
  return { key: `${String(seconds).padStart(12, '0')}.${fraction.padEnd(9, '0')}`, length: space + 1 };
};

const secondOf = (key: string): number => Number(key.slice(0, key.indexOf('.')));
