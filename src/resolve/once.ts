/**
 * Lets callers that ask for the same key share one call: the first one starts it, the others get its outcome, now and
 * later. A failure is given to those who waited for it and then forgotten.
 */
export const once = <T>(): ((key: string, start: () => Promise<T>) => Promise<T>) => {
  const calls = new Map<string, Promise<T>>();
  return (key, start) => {
    const running = calls.get(key);
    if (running !== undefined) return running;
    const call = start();
    calls.set(key, call);
    call.catch(() => calls.delete(key));
    return call;
  };
};
