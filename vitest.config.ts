import { defineConfig } from 'vitest/config';

/** The suites, in the order in which they run. Unit tests touch nothing; the others use real parts. */
const suite = (name: string, options: { testTimeout: number; fileParallelism: boolean }) => ({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'] } },
  test: { name, include: [`test/${name}/**/*.test.ts`], hookTimeout: options.testTimeout, ...options },
});

export default defineConfig({
  test: {
    projects: [
      suite('unit', { testTimeout: 10_000, fileParallelism: true }),
      suite('contract', { testTimeout: 60_000, fileParallelism: true }),
      suite('integration', { testTimeout: 180_000, fileParallelism: false }),
      suite('e2e', { testTimeout: 300_000, fileParallelism: false }),
    ],
  },
});
