import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { imageOf, openRegistry, pushImage } from 'waybill/oci';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.stop());

/** A process in which several signers, who know nothing of each other, attach something to one subject. */
const sign = (subject: object, process_: number, signers: number): Promise<number | null> => {
  const program = `
    import { openRegistry, pushManifest } from 'waybill/oci';
    await Promise.all(Array.from({ length: ${signers} }, (_, index) =>
      pushManifest(openRegistry('${registry.host}', 'busy'), {
        artifactType: 'application/x.signature',
        subject: ${JSON.stringify(subject)},
        annotations: { signer: '${process_}-' + index },
      })));
    process.exit();`;
  const args = ['--conditions=@waybill/source', '--input-type=module', '--eval', program];
  const options = { cwd: join(import.meta.dirname, '../..'), stdio: 'inherit' } as const;
  return new Promise((done) => spawn(process.execPath, args, options).once('close', done));
};

test('twenty signers at once, in four processes, lose nothing in a registry without a referrers API', async () => {
  const store = openRegistry(registry.host, 'busy');
  const subject = await pushImage(store, imageOf({ layers: [] }), { tag: 'v1' });
  const ended = await Promise.all([1, 2, 3, 4].map((one) => sign(subject, one, 5)));
  expect(ended).toEqual([0, 0, 0, 0]);
  const found = await Array.fromAsync(store.referrers(subject));
  expect(new Set(found.map(({ annotations }) => annotations?.signer)).size).toBe(20);
  expect(found).toHaveLength(20);
});
