import { forgetCredential } from 'waybill/oci';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { hostOf } from '../registries.ts';
import { AUTHFILE_OPTION, credentialEnv } from '../stores.ts';
import { placeOf } from './login.ts';

export const command: Command = {
  arguments: [{ name: '<host>', says: 'a registry: HOST[:PORT]' }],
  options: [AUTHFILE_OPTION],
  example: 'waybill logout registry.example',
  output: z.object({ host: z.string(), removed: z.array(z.string()) }),
  run: async (context, [text], options) => {
    const host = hostOf(text as string, 'logout');
    const removed = (await forgetCredential(host, credentialEnv(options, context))).map(placeOf);
    const said =
      removed.length === 0 ? `there was no login to ${host}` : `logged out of ${host}: ${removed.join(', ')}`;
    return { data: { host, removed }, text: said };
  },
};
