import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tool } from './tools.ts';

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly stop: () => Promise<void>;
}

/** What the registry with authentication lets in. */
export const USER = 'waybill';
export const PASSWORD = 'correct horse battery staple';
/** bcrypt (cost 5) of {@link PASSWORD}. */
const HTPASSWD = `${USER}:$2b$05$2S0WdmBYUf5Ma3XZny1oReZOT6O5nM8TLrhcdSNAUZQTLwo/SxzrO\n`;

/** Starts Debian's `docker-registry` on a free port, with its data in a folder that goes with it. */
export const startRegistry = async ({ htpasswd = false } = {}): Promise<TestRegistry> => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  await writeFile(join(dir, 'htpasswd'), HTPASSWD);
  await writeFile(join(dir, 'config.yml'), configOf(dir, host, htpasswd));
  const child = spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const stop = async () => {
    await end(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await answering(host, child);
  } catch (error) {
    await stop();
    throw new Error(`docker-registry does not start: ${errors}`, { cause: error });
  }
  return { host, stop };
};

/** Starts `crane registry serve` on a free port; what is pushed to it is in its memory. */
export const startCraneRegistry = async (): Promise<TestRegistry> => {
  const host = `127.0.0.1:${await freePort()}`;
  const child = spawn(await tool('crane'), ['registry', 'serve', '--address', host], { stdio: 'ignore' });
  try {
    await answering(host, child);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { host, stop: () => end(child) };
};

const configOf = (dir: string, host: string, htpasswd: boolean): string =>
  JSON.stringify({
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: { addr: host },
    ...(htpasswd ? { auth: { htpasswd: { realm: 'test', path: join(dir, 'htpasswd') } } } : {}),
  });

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const answering = async (host: string, child: ChildProcess): Promise<void> => {
  for (let attempt = 0; ; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const status = await fetch(`http://${host}/v2/`).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200 || status === 401) return;
    if (attempt > 400) throw new Error('it does not answer');
    await sleep(25);
  }
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(killer);
};
