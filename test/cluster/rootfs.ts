import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TarEntry } from '../../src/oci/index.ts';
import { findProgram } from './files.ts';
import { run } from './shell.ts';

const required = (name: string): string => {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`the program ${name} is not there`);
  return path;
};

const FOLDERS: readonly TarEntry[] = [
  ...[
    'bin',
    'etc',
    'home',
    'lib',
    'lib64',
    'root',
    'sbin',
    'usr',
    'usr/bin',
    'usr/local',
    'usr/local/bin',
    'usr/sbin',
    'var',
  ].map((path) => ({ kind: 'directory', path, mode: 0o755 }) as const),
  { kind: 'directory', path: 'tmp', mode: 0o1777 },
  { kind: 'directory', path: 'var/tmp', mode: 0o1777 },
];

const text = (path: string, content: string): TarEntry => ({
  kind: 'file',
  path,
  mode: 0o644,
  content: Buffer.from(content),
});

const ACCOUNTS: readonly TarEntry[] = [
  text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
  text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
];

/** The machine's static busybox with a link for each of its applets. */
export const busybox = async (): Promise<readonly TarEntry[]> => {
  const program = required('busybox');
  const applets = (await run(program, ['--list-full'])).trim().split('\n').sort();
  return [
    ...FOLDERS,
    ...ACCOUNTS,
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: readFileSync(program) },
    ...applets
      .filter((path) => path !== 'bin/busybox' && path.includes('/'))
      .map((path) => ({ kind: 'symlink', path, target: '/bin/busybox' }) as const),
  ];
};

/** Shared libraries of a program and its loader, at the paths where the loader looks for them. */
const libraries = async (program: string): Promise<string[]> =>
  [...(await run('ldd', [program])).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path as string);

/** Busybox with the machine's own bash and jq, and the libraries that these need. */
export const tools = async (): Promise<readonly TarEntry[]> => {
  const base = await busybox();
  const programs = { bash: required('bash'), jq: required('jq') };
  const needed = [...new Set((await Promise.all(Object.values(programs).map(libraries))).flat())].sort();
  const file = (path: string, from: string): TarEntry => ({
    kind: 'file',
    path,
    mode: 0o755,
    content: readFileSync(from),
  });
  const folders = new Set<string>(base.filter(({ kind }) => kind === 'directory').map(({ path }) => path));
  const parents = needed.flatMap((library) => {
    const path = dirname(library).slice(1);
    const all = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    return all.filter((parent) => !folders.has(parent) && folders.add(parent));
  });
  return [
    ...base,
    ...parents.map((path) => ({ kind: 'directory', path, mode: 0o755 }) as const),
    ...needed.map((library) => file(library.slice(1), realpathSync(library))),
    ...Object.entries(programs).map(([name, from]) => file(`usr/bin/${name}`, realpathSync(from))),
    // Official images have bash here, and scripts name it so.
    { kind: 'symlink', path: 'bin/bash', target: '/usr/bin/bash' },
    { kind: 'symlink', path: 'usr/local/bin/bash', target: '/usr/bin/bash' },
  ];
};

/** A static program that sleeps and reaps. */
export const pause = async (): Promise<readonly TarEntry[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-pause-'));
  try {
    const output = join(folder, 'pause');
    await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid=', '-o', output, '.'], {
      cwd: join(import.meta.dirname, 'images', 'pause'),
      env: { ...process.env, CGO_ENABLED: '0' },
    });
    return [{ kind: 'file', path: 'pause', mode: 0o755, content: readFileSync(output) }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
