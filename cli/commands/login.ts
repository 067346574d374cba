import { WaybillError } from 'waybill';
import { checkCredential, credentialOf, type Keeper, saveCredential } from 'waybill/oci';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { hostOf } from '../registries.ts';
import { credentialEnv, openOptionsOf, REGISTRY_OPTIONS } from '../stores.ts';

/** Longest password that is taken, in characters; some tokens have thousands. */
const CAP = 64 * 1024;

export const command: Command = {
  arguments: [{ name: '<host>', says: 'a registry: HOST[:PORT]' }],
  options: [
    { flags: '-u, --username <name>', says: 'name of the user', required: true },
    { flags: '--password-stdin', says: 'read the password or token from standard input', required: true },
    ...REGISTRY_OPTIONS,
  ],
  example: 'cat token.txt | waybill login registry.example -u ci --password-stdin',
  output: z.object({ host: z.string(), username: z.string(), checked: z.boolean(), kept: z.string() }),
  run: async (context, [text], options) => {
    const host = hostOf(text as string, 'login');
    const username = options.username as string;
    if (username === '' || username.includes(':')) {
      throw new WaybillError('Usage', 'a name of a user is not empty, and has no colon');
    }
    const password = (await context.stdin()).replace(/\r?\n$/, '');
    if (password === '' || password.length > CAP) {
      throw new WaybillError('Usage', 'there is no password on standard input');
    }
    const credential = credentialOf(username, password);
    const result = await checkCredential(host, credential, openOptionsOf(options, context));
    const keeper = await saveCredential(host, credential, credentialEnv(options, context));
    if (result === 'open') context.note(`warning: ${host} lets everybody in; the password was not checked`);
    if (keeper.kind === 'file') {
      context.note(
        `${keeper.path} holds the password as plain text; a credential helper would not: see docs/registries.md`,
      );
    }
    const kept = placeOf(keeper);
    return {
      data: { host, username, checked: result === 'checked', kept },
      text: `logged in to ${host}; kept in ${kept}`,
    };
  },
};

/** Where a credential is, for people. */
export const placeOf = (keeper: Keeper): string =>
  keeper.kind === 'helper' ? `docker-credential-${keeper.name}` : keeper.path;
