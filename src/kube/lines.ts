const NEWLINE = 0x0a;

/** A line without its newline, or a piece of one. `end` says what ended it: `cap` and `eof` pieces are no whole lines. */
export interface Line {
  readonly bytes: Buffer;
  readonly end: 'newline' | 'cap' | 'eof';
}

/** Splits bytes into lines, each byte looked at once. A line of more than `cap` bytes comes in pieces about that large. */
export async function* lines(chunks: AsyncIterable<Uint8Array>, cap: number): AsyncGenerator<Line> {
  let held: Uint8Array[] = [];
  let size = 0;
  const take = (last: Uint8Array, end: Line['end']): Line => {
    const bytes =
      held.length === 0 ? Buffer.from(last.buffer, last.byteOffset, last.length) : Buffer.concat([...held, last]);
    held = [];
    size = 0;
    return { bytes, end };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      yield take(chunk.subarray(start, at), 'newline');
      start = at + 1;
    }
    if (start === chunk.length) continue;
    const rest = chunk.subarray(start);
    if (size + rest.length > cap) yield take(rest, 'cap');
    else {
      held.push(rest);
      size += rest.length;
    }
  }
  if (size > 0) yield take(new Uint8Array(), 'eof');
}
