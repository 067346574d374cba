/**
 * A gate that lets at most `size` tasks run at a time, in the order in which they came. The returned function runs a
 * task when there is room, and settles as the task does.
 */
export const limit = (size: number): (<T>(task: () => Promise<T>) => Promise<T>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};
