/** Messages from many writers to one reader, in the order in which they came. */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #held: T[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;

  /** Adds a message; after the end it is dropped. */
  push(message: T): void {
    if (this.#closed) return;
    this.#held.push(message);
    this.#wake?.();
  }

  /** Ends the reading once all messages have been taken; with an error, by throwing it at once. */
  close(failure?: { readonly error: unknown }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const message = this.#held.shift();
      if (message !== undefined) yield message;
      else if (this.#closed) return;
      else {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
        this.#wake = undefined;
      }
    }
  }
}
