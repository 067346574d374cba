/**
 * Work that several may wait for at once: whoever comes while it is under way waits for the same answer. One who leaves does
 * not keep the others from it; when the last one has left, the work is aborted.
 */
export const shared = <T>(work: (signal: AbortSignal) => Promise<T>): ((signal?: AbortSignal) => Promise<T>) => {
  let current: { readonly answer: Promise<T>; readonly over: AbortController; waiting: number } | undefined;
  const begin = () => {
    const over = new AbortController();
    const begun = { answer: work(over.signal), over, waiting: 0 };
    const end = (): void => {
      if (current === begun) current = undefined;
    };
    begun.answer.then(end, end);
    return begun;
  };
  return async (signal) => {
    signal?.throwIfAborted();
    current ??= begin();
    const ours = current;
    ours.waiting += 1;
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(signal?.reason);
    signal?.addEventListener('abort', leave);
    try {
      return await Promise.race([ours.answer, left.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
      ours.waiting -= 1;
      if (ours.waiting === 0) {
        if (current === ours) current = undefined;
        ours.over.abort();
      }
    }
  };
};
