/**
 * How far a log has been read, by the time stamps that the kubelet writes before each line: nanoseconds, in the order of
 * writing. Several lines may have the same.
 */
export class LogPlace {
  #last = '';
  /** Lines read with the last stamp, and those of them met again since the log was reopened. */
  #count = 0;
  #again = 0;

  /** The `sinceTime` from which to read on (whole seconds, which is all that the API server passes on). */
  get since(): string | undefined {
    if (this.#last === '') return undefined;
    return new Date(Number(this.#last.slice(0, this.#last.indexOf('.'))) * 1000).toISOString().replace('.000', '');
  }

  /** To be called before a log is read again from `since`. */
  reopen(): void {
    this.#again = 0;
  }

  /**
   * The line without its time stamp; undefined if it has been read before, or is not the container's but the kubelet's own
   * word about a log that it cannot read. Any other line without a stamp is taken as it is.
   */
  take(line: Buffer): Buffer | undefined {
    const space = line.indexOf(0x20);
    const key = space < 0 ? undefined : keyOf(line.toString('latin1', 0, space));
    if (key === undefined) return KUBELET.test(line.toString('latin1', 0, 200)) ? undefined : line;
    if (key < this.#last) return undefined;
    if (key > this.#last) {
      this.#last = key;
      this.#count = 0;
      this.#again = 0;
    } else if (this.#again < this.#count) {
      this.#again += 1;
      return undefined;
    }
    this.#count += 1;
    this.#again += 1;
    return line.subarray(space + 1);
  }
}

/** What the kubelet answers in place of a log, with status 200. */
const KUBELET =
  /^(?:failed to try resolving symlinks in path|failed to create fsnotify watcher|unable to retrieve container logs for|rpc error: code = )/;

/** Seconds and nanoseconds as one text that sorts by time: zones and digits of stamps may differ. */
const keyOf = (stamp: string): string | undefined => {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/.exec(stamp);
  if (match === null) return undefined;
  const seconds = Math.floor(Date.parse(stamp) / 1000);
  return `${String(seconds).padStart(12, '0')}.${(match[1] ?? '').padEnd(9, '0')}`;
};
