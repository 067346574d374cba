const started = performance.now();

/** A line of progress on standard error, with the seconds since the start. Standard output is for answers. */
export const say = (text: string): void => {
  process.stderr.write(`cluster ${((performance.now() - started) / 1000).toFixed(1).padStart(6)}s  ${text}\n`);
};

/** Does something long under a line that says so, and again every half a minute; then says how long it took. */
export const saying = async <T>(text: string, work: () => Promise<T>): Promise<T> => {
  const start = performance.now();
  const seconds = (): string => `${((performance.now() - start) / 1000).toFixed(0)} s`;
  say(text);
  const timer = setInterval(() => say(`  … still at it, ${seconds()}`), 30_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    say(`  took ${seconds()}`);
  }
};
