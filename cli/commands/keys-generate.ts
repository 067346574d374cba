import { unlink } from 'node:fs/promises';
import { generateKey, keyHint, writePrivateKey } from 'waybill/trust';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { writeNew } from '../files.ts';

export const command: Command = {
  arguments: [],
  options: [{ flags: '-d, --output-key-prefix <path>', says: 'write PATH.key and PATH.pub', default: 'waybill' }],
  example: 'COSIGN_PASSWORD=… waybill keys generate\nwaybill sign --key waybill.key registry.example/ci/release:1.4.0',
  output: z.object({ privateKey: z.string(), publicKey: z.string(), id: z.string() }),
  run: async ({ env, note }, _, options) => {
    const prefix = options.outputKeyPrefix as string;
    const password = env.COSIGN_PASSWORD;
    if (!password) note('COSIGN_PASSWORD is not set: the key is not protected by a password');
    const key = await generateKey();
    const privateKey = `${prefix}.key`;
    const publicKey = `${prefix}.pub`;
    await writeNew(privateKey, await writePrivateKey(key, password ?? ''), { mode: 0o600 });
    await writeNew(publicKey, key.publicKey.pem).catch(async (error: unknown) => {
      // Half a pair would be in the way of the next attempt.
      await unlink(privateKey);
      throw error;
    });
    return { data: { privateKey, publicKey, id: keyHint(key.publicKey) }, text: `${privateKey}\n${publicKey}` };
  },
};
