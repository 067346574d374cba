import { join, resolve } from 'node:path';
import { WaybillError } from 'waybill';
import { createRegistryServer, folderRepositories, readHtpasswd } from 'waybill/oci';
import { z } from 'zod';
import type { Command, Context, Options } from '../command.ts';
import { readText } from '../files.ts';

export const command: Command = {
  arguments: [{ name: '<dir>', says: 'a folder: its sub-folders are the repositories, each an OCI image layout' }],
  options: [
    { flags: '--port <port>', says: 'port to listen on; 0: any free one', default: '5000' },
    { flags: '--address <address>', says: 'address to listen on', default: '127.0.0.1' },
    { flags: '--htpasswd <file>', says: 'who is let in: names and bcrypt hashes, as made by `htpasswd -B`' },
    { flags: '--read-only', says: 'refuse pushes and deletions' },
    { flags: '--tls-cert <file>', says: 'certificate (PEM), to speak https' },
    { flags: '--tls-key <file>', says: 'key of the certificate (PEM)' },
  ],
  example: 'waybill registry serve ./registry --port 5000\nwaybill push task.yaml localhost:5000/ci/task:1.0.0',
  output: z.object({ address: z.string() }),
  run: async (context, [dir], options) => {
    const { cwd, signal, note, stdin } = context;
    const folder = resolve(cwd, dir as string);
    const htpasswd = options.htpasswd as string | undefined;
    const tls = await certificate(context, options);
    const server = createRegistryServer({
      repositories: folderRepositories(folder),
      scratch: join(folder, '.uploads'),
      readOnly: options.readOnly === true,
      ...(tls !== undefined && { tls }),
      ...(htpasswd !== undefined && { passwords: readHtpasswd(await readText(htpasswd, stdin), htpasswd) }),
      onError: (error) => note(`registry: ${error instanceof Error ? error.message : String(error)}`),
    });
    const host = options.address as string;
    const { port } = await server.listen(portOf(options.port as string), host);
    const address = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    note(`serving ${dir as string} at ${address}; stop it with Ctrl-C`);
    try {
      await new Promise<void>((stop) => {
        if (signal.aborted) stop();
        else signal.addEventListener('abort', () => stop(), { once: true });
      });
    } finally {
      await server.close();
    }
    return { data: { address }, text: '' };
  },
};

const portOf = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new WaybillError('Usage', `--port "${text}" is no port`, { hint: 'name a number from 0 to 65535' });
};

const certificate = async (
  { stdin }: Context,
  { tlsCert, tlsKey }: Options,
): Promise<{ cert: string; key: string } | undefined> => {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (typeof tlsCert !== 'string' || typeof tlsKey !== 'string') {
    throw new WaybillError('Usage', '--tls-cert and --tls-key go together');
  }
  return { cert: await readText(tlsCert, stdin), key: await readText(tlsKey, stdin) };
};
