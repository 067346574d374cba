import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The peers' own programs that the tests talk to, and the Go package of each; versions stand in test/tools/go.mod. */
const PACKAGES = {
  crane: 'github.com/google/go-containerregistry/cmd/crane',
  oras: 'oras.land/oras/cmd/oras',
  cosign: 'github.com/sigstore/cosign/v3/cmd/cosign',
} as const;

export type ToolName = keyof typeof PACKAGES;

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCE = join(ROOT, 'test/tools');
const CACHE = join(ROOT, '.cache/tools');

/** Builds wait for each other: a linker takes a gigabyte, and the machine may have two cores. */
let last: Promise<unknown> = Promise.resolve();

/**
 * The path of a peer's binary under `.cache/tools`, built there first unless the one that stands there was built from
 * the same go.mod and go.sum. What it does is said on stderr. Needs `go`; rejects where the build fails.
 */
export const tool = (name: ToolName): Promise<string> => {
  const built = last.then(() => build(name));
  last = built.catch(() => undefined);
  return built;
};

const build = async (name: ToolName): Promise<string> => {
  const path = join(CACHE, name);
  const stamp = `${path}.stamp`;
  const wanted = await versionOf();
  if ((await textOf(stamp)) === wanted && (await exists(path))) return path;
  const started = Date.now();
  say(`building ${name} from ${PACKAGES[name]} into .cache/tools (cosign takes some minutes) …`);
  await mkdir(CACHE, { recursive: true });
  const fresh = `${path}.${process.pid}.new`;
  await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', fresh, PACKAGES[name]]);
  await rename(fresh, path);
  await writeFile(stamp, wanted);
  say(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
  return path;
};

const versionOf = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(SOURCE, file)));
  return hash.digest('hex');
};

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const run = (program: string, args: readonly string[]): Promise<void> =>
  new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: SOURCE,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (cause) => fail(new Error(`${program} cannot be started; is Go installed?`, { cause })));
    child.on('exit', (code) => (code === 0 ? done() : fail(new Error(`${program} ${args[0]} ended with ${code}`))));
  });

const say = (text: string): void => {
  process.stderr.write(`tools: ${text}\n`);
};

/** `node test/support/tools.ts` builds all of them, ahead of the tests. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const name of Object.keys(PACKAGES) as ToolName[]) await tool(name);
}
