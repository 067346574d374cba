import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Milliseconds of one kind of process. */
export interface StartUp {
  /** An empty program of Node: nothing that Node runs is faster. */
  readonly node: number;
  /** `waybill --help`, to its end. */
  readonly help: number;
  /** `waybill run FILE`, to its first request to the API server. */
  readonly firstRequest: number;
}

const TASK = `apiVersion: tekton.dev/v1
kind: Task
metadata: { name: one }
spec:
  steps:
    - { name: main, image: busybox, command: ["true"] }
`;

/**
 * Measures the tool as a process, `samples` times: `main` is the file that Node runs. Its API server is one of ours that
 * only notes when it was asked first, and refuses.
 */
export const measureStartUp = async (main: readonly string[], samples: number): Promise<readonly StartUp[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'));
  let asked: number | undefined;
  const server = createServer((request, response) => {
    asked ??= performance.now();
    request.resume();
    response.writeHead(403, { 'content-type': 'application/json' }).end('{"kind":"Status","status":"Failure"}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: join(folder, 'config') };
  try {
    await writeFile(env.KUBECONFIG, kubeConfig((server.address() as AddressInfo).port));
    await writeFile(join(folder, 'task.yaml'), TASK);
    const run = [...main, 'run', join(folder, 'task.yaml'), '--agent-image', 'agent'];
    const found: StartUp[] = [];
    for (let sample = 0; sample <= samples; sample += 1) {
      const node = await timeOf(['-e', '0'], env);
      const help = await timeOf([...main, '--help'], env);
      asked = undefined;
      const started = performance.now();
      await timeOf(run, env);
      if (asked === undefined) throw new Error('the tool ended without a request');
      // The first one fills the caches of the file system.
      if (sample > 0) found.push({ node, help, firstRequest: asked - started });
    }
    return found;
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
};

/** The tool from its sources, as in a clone, and as it is installed, built by `npm run build`. */
export const MAIN = {
  source: ['--conditions=@waybill/source', join(ROOT, 'cli/main.ts')],
  built: [join(ROOT, 'dist/cli/main.js')],
} as const;

const kubeConfig = (port: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: 'bench' } }],
    clusters: [{ name: 'bench', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'bench', user: { token: 'none' } }],
  });

/** Milliseconds from the start of a process of Node to its end, however it ends. */
const timeOf = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  new Promise((done, fail) => {
    const started = performance.now();
    const child = spawn(process.execPath, args, { env, cwd: env.HOME, stdio: 'ignore' });
    child.on('error', fail);
    child.on('exit', () => done(performance.now() - started));
  });
