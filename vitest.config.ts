import { defineConfig } from 'vitest/config';

/** The suites, in the order in which they run. Unit tests touch nothing; the others use real parts. */
const suite = (name: string, options: { testTimeout: number; fileParallelism: boolean; isolate: boolean }) => ({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'] } },
  test: { name, include: [`test/${name}/**/*.test.ts`], hookTimeout: options.testTimeout, ...options },
});

export default defineConfig({
  test: {
    projects: [
      // Pure modules have no state to share: loading them once makes the suite twice as fast.
      suite('unit', { testTimeout: 10_000, fileParallelism: true, isolate: false }),
      suite('contract', { testTimeout: 60_000, fileParallelism: true, isolate: true }),
      suite('integration', { testTimeout: 180_000, fileParallelism: false, isolate: true }),
      suite('e2e', { testTimeout: 300_000, fileParallelism: false, isolate: true }),
    ],
  },
});
