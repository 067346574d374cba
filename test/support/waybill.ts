import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Finished {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when standard output or error holds the text; rejects when the process ends before. */
  readonly says: (text: string | RegExp) => Promise<void>;
}

export interface CallOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** A program and its arguments that starts the tool. */
  readonly via?: readonly string[];
}

/** Starts the tool from source, as a process of its own. */
export const startWaybill = (
  args: readonly string[],
  { env = {}, cwd = ROOT, input, via = [] }: CallOptions = {},
): Started => {
  const [program = process.execPath, ...rest] = [
    ...via,
    process.execPath,
    '--conditions=@waybill/source',
    join(ROOT, 'cli/main.ts'),
    ...args,
  ];
  const child = spawn(program, rest, {
    cwd,
    // What a registry says is the point of most tests; those of the cache name a folder.
    env: { ...process.env, CI: '', WAYBILL_CACHE: 'off', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  const out = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (chunk: string) => {
      out[stream] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const finished = new Promise<Finished>((done) => child.on('close', (code) => done({ code, ...out })));
  const says = (text: string | RegExp): Promise<void> =>
    new Promise((found, fail) => {
      const look = (): void => {
        const all = out.stdout + out.stderr;
        if (typeof text === 'string' ? all.includes(text) : text.test(all)) {
          listeners.delete(look);
          found();
        }
      };
      listeners.add(look);
      look();
      void finished.then(() => fail(new Error(`it ended without saying ${text}:\n${out.stdout}${out.stderr}`)));
    });
  return { child, finished, says };
};

/** Runs the tool to its end. */
export const waybill = (args: readonly string[], options?: CallOptions): Promise<Finished> =>
  startWaybill(args, options).finished;
