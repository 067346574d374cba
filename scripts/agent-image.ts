/**
 * Builds the agent and its image: `node scripts/agent-image.ts [REF]`, where REF is HOST/REPOSITORY:TAG or oci:FOLDER:TAG,
 * by default oci:dist/agent/image:VERSION. Prints the index's digest, which is the same on every machine with the same Go.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isWaybillError, messageOf, WaybillError } from '../src/core/index.ts';
import {
  type Descriptor,
  type Image,
  imageOf,
  openLayout,
  openRegistry,
  pushImage,
  pushIndex,
  type Target,
  tarLayer,
} from '../src/oci/index.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** Where the binaries go: `ARCH/PROGRAM`. The npm package carries this folder. */
const OUT = join(ROOT, 'dist/agent');

const ARCHITECTURES = ['amd64', 'arm64'] as const;
const PROGRAMS = ['supervisor', 'shim'] as const;

type Architecture = (typeof ARCHITECTURES)[number];

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> =>
  new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: join(ROOT, 'agent'),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (cause) => fail(new Error(`${program} cannot be started: is it installed?`, { cause })));
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`${program} ${args[0]} for ${env.GOARCH} ended with ${code}`)),
    );
  });

/** Builds both programs for both architectures into dist/agent. The bytes depend on the sources and on Go's version only. */
export const buildAgent = async (): Promise<void> => {
  for (const architecture of ARCHITECTURES) {
    const folder = join(OUT, architecture);
    mkdirSync(folder, { recursive: true });
    const reproducible = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid='];
    const packages = PROGRAMS.map((name) => `./cmd/${name}`);
    // The variables that would change the bytes, at their defaults whatever the caller's shell says.
    const env = { CGO_ENABLED: '0', GOOS: 'linux', GOARCH: architecture, GOAMD64: 'v1', GOARM64: 'v8.0', GOFLAGS: '' };
    await run('go', ['build', ...reproducible, '-o', `${folder}/`, ...packages], env);
  }
};

const imageFor = (architecture: Architecture): Image =>
  imageOf({
    architecture,
    layers: [
      {
        tar: tarLayer(
          PROGRAMS.map((name) => ({
            kind: 'file',
            path: name,
            mode: 0o755,
            content: readFileSync(join(OUT, architecture, name)),
          })),
        ),
      },
    ],
    config: { User: '65532', Entrypoint: ['/supervisor'] },
  });

/** Pushes the image of the binaries in dist/agent, one for each architecture under one index; returns the index. */
export const pushAgentImage = async (target: Target, tag: string): Promise<Descriptor> => {
  const manifests: Descriptor[] = [];
  for (const architecture of ARCHITECTURES) {
    const { mediaType, digest, size } = await pushImage(target, imageFor(architecture));
    manifests.push({ mediaType, digest, size, platform: { os: 'linux', architecture } });
  }
  const index = await pushIndex(target, manifests);
  await target.tag(index, tag);
  return index;
};

const open = (reference: string): { readonly target: Target; readonly tag: string } => {
  const [, layout, host, repository, tag] = /^(?:oci:(.+)|([^/]+)\/(.+)):([\w][\w.-]{0,127})$/.exec(reference) ?? [];
  if (layout) return { target: openLayout(layout), tag: tag as string };
  if (host && repository) return { target: openRegistry(host, repository), tag: tag as string };
  throw new WaybillError('Usage', `"${reference}" is neither HOST/REPOSITORY:TAG nor oci:FOLDER:TAG`);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const main = async (): Promise<void> => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const { target, tag } = open(process.argv[2] ?? `oci:${join(OUT, 'image')}:${version}`);
    await buildAgent();
    console.log((await pushAgentImage(target, tag)).digest);
  };
  await main().catch((error: unknown) => {
    console.error(`agent-image: ${messageOf(error)}`);
    process.exitCode = isWaybillError(error) && error.kind === 'usage' ? 2 : 3;
  });
}
