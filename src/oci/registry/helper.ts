import { spawn } from 'node:child_process';
import { z } from 'zod';
import { WaybillError } from '../../core/index.ts';
import { type Credential, credentialOf, IDENTITY_USER } from './credential.ts';

const answer = z.object({ Username: z.string(), Secret: z.string() });
/** Bytes of an answer, and milliseconds to wait for it. */
const CAP = 64 * 1024;
const PATIENCE = 30_000;

/**
 * Asks `docker-credential-NAME` for the credential of a server. "Not found" is no error; a helper that is missing,
 * fails or does not answer is `Unauthorized`. What a helper prints is never shown: it may hold a secret.
 * https://github.com/docker/docker-credential-helpers#development
 */
export const askHelper = async (
  name: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<Credential | undefined> => {
  const program = programOf(name);
  const { code, output } = await run(program, 'get', `${server}\n`, env);
  if (code !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw failure(program, `failed for ${server}`);
  }
  const parsed = answer.safeParse(readJson(output));
  if (!parsed.success) throw failure(program, `gave no credential for ${server}`);
  const { Username, Secret } = parsed.data;
  return Username === '' && Secret === '' ? undefined : credentialOf(Username, Secret);
};

/** Gives `docker-credential-NAME` a credential to keep; throws `Unauthorized`. */
export const storeWithHelper = async (
  name: string,
  server: string,
  credential: Credential,
  env: NodeJS.ProcessEnv,
): Promise<void> => {
  const program = programOf(name);
  const [Username, Secret] =
    credential.kind === 'basic' ? [credential.username, credential.password] : [IDENTITY_USER, credential.token];
  const { code } = await run(program, 'store', JSON.stringify({ ServerURL: server, Username, Secret }), env);
  if (code !== 0) throw failure(program, `did not take the credential for ${server}`);
};

/** Lets `docker-credential-NAME` forget the credential of a server; false where it had none. Throws `Unauthorized`. */
export const eraseWithHelper = async (name: string, server: string, env: NodeJS.ProcessEnv): Promise<boolean> => {
  if ((await askHelper(name, server, env)) === undefined) return false;
  const program = programOf(name);
  const { code } = await run(program, 'erase', `${server}\n`, env);
  if (code !== 0) throw failure(program, `did not forget the credential of ${server}`);
  return true;
};

const programOf = (name: string): string => {
  const program = `docker-credential-${name}`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw failure(program.slice(0, 80), 'is no name of a credential helper');
  return program;
};

const run = (
  program: string,
  verb: 'get' | 'store' | 'erase',
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { env, stdio: ['pipe', 'pipe', 'ignore'], timeout: PATIENCE });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > CAP) child.kill('SIGKILL');
    });
    child.on('error', (cause) => reject(failure(program, 'cannot be started', cause)));
    child.on('close', (code) => resolve({ code, output }));
    // A helper may answer without reading; that its input breaks says nothing.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

const failure = (program: string, what: string, cause?: unknown): WaybillError =>
  new WaybillError('Unauthorized', `${program} ${what}`, {
    cause,
    hint: 'it is named in a credential file (credHelpers or credsStore)',
  });

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
