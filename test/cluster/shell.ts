import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Exit codes that are no failure. */
  readonly accept?: readonly number[];
}

/**
 * Runs a program to its end, without a shell, and returns its standard output. Throws with the last lines of its standard
 * error where the exit code is not accepted.
 */
export const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      err = `${err}${chunk}`.slice(-8000);
    });
    child.stdin.on('error', () => {}); // a program that does not read its input is free to
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) => reject(new Error(`${program} cannot be started`, { cause })));
    child.on('close', (code, signal) => {
      if (code !== null && [0, ...(options.accept ?? [])].includes(code)) return resolve(Buffer.concat(out).toString());
      const tail = err.trimEnd().split('\n').slice(-20).join('\n');
      reject(new Error(`${program} ${args.slice(0, 3).join(' ')} ended with ${signal ?? code}:\n${tail}`));
    });
  });

/** Waits until `probe` is true: bounded, and ended early by `lost`, which may say why waiting is in vain. */
export const until = async (
  what: string,
  probe: () => Promise<boolean>,
  { seconds, lost }: { readonly seconds: number; readonly lost?: () => string | undefined },
): Promise<void> => {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    if (await probe().catch(() => false)) return;
    const reason = lost?.();
    if (reason !== undefined) throw new Error(reason);
    if (performance.now() > end) throw new Error(`${what}: not after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
