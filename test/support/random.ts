/** Numbers from 0 to below 1 that follow from a seed: what a test does by chance can be done again. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    // mulberry32: one state of 32 bits, good enough to scatter moments.
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** WAYBILL_SEED, or one of this moment; tests print it. */
export const seedOf = (env: Readonly<Record<string, string | undefined>>): number =>
  Number(env.WAYBILL_SEED ?? Date.now() % 1_000_000);
