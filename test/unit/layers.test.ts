import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** From the inside out; a module may import the ones before it in its ring's list, and everything in inner rings. */
const BASE = ['core'];
const PURE = [
  'yaml',
  'tekton',
  'lint',
  'oci/types',
  'oci/reference',
  'oci/manifest',
  'oci/verify',
  'oci/gzip',
  'oci/tar',
  'oci/image',
  'bundle',
  'trust/policy',
  'plan',
  'pod',
  'engine',
  'record',
];
const EDGES = ['http', 'oci', 'kube', 'trust', 'resolve', 'runtime'];

/** Built-in modules that compute only; every other one touches the world and is for edges and programs. */
const PURE_BUILTINS = ['node:crypto', 'node:zlib', 'node:stream', 'node:buffer', 'node:stream/promises'];

/** Third-party package → the one folder that imports it. Types from kubernetes-types are erased and may stand anywhere. */
const HOMES: Record<string, string | readonly string[]> = {
  yaml: 'src/yaml',
  zod: ['src', 'cli'],
  'tar-stream': 'src/bundle',
  undici: 'src/http',
  bcryptjs: 'src/oci',
  '@noble/ciphers': 'src/trust',
  '@sigstore/bundle': 'src/trust',
  commander: 'cli',
  picocolors: 'cli/output',
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const files = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));

const importsOf = (file: string): Import[] =>
  [
    ...readFileSync(join(ROOT, file), 'utf8').matchAll(
      /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/gm,
    ),
  ].map(([, type, fixed, dynamic]) => ({ file, target: (fixed ?? dynamic) as string, typeOnly: type !== undefined }));

/** `src/oci/types.ts` → `oci/types` where the table names it, else `oci`. */
const moduleOf = (path: string): string => {
  const inner = path.replace(/^src\//, '').replace(/\.ts$/, '');
  return PURE.find((name) => inner === name || inner.startsWith(`${name}/`)) ?? (inner.split('/')[0] as string);
};

const rank = (module: string): number => [...BASE, ...PURE, ...EDGES].indexOf(module);

const SOURCES = files('src')
  .filter((file) => file !== 'src/index.ts')
  .flatMap(importsOf);
const ALL = [...SOURCES, ...importsOf('src/index.ts'), ...files('cli').flatMap(importsOf)];

test('every module has a place in the table', () => {
  const unknown = files('src').filter((file) => file !== 'src/index.ts' && rank(moduleOf(file)) < 0);
  expect(unknown).toEqual([]);
});

test('arrows point inward', () => {
  const outward = SOURCES.filter(({ target }) => target.startsWith('.'))
    .map(({ file, target }) => ({ file, to: relative(ROOT, resolve(ROOT, dirname(file), target)) }))
    .filter(({ file, to }) => {
      if (moduleOf(file) === moduleOf(to)) return false;
      // An index of a folder that is partly pure is seen as its edge; pure code imports the pure file itself.
      return rank(moduleOf(to)) > rank(moduleOf(file));
    });
  expect(outward).toEqual([]);
});

test('base and pure modules touch nothing', () => {
  const touching = SOURCES.filter(({ file, target }) => {
    const inner = [...BASE, ...PURE].includes(moduleOf(file));
    return inner && target.startsWith('node:') && !PURE_BUILTINS.includes(target);
  });
  expect(touching).toEqual([]);
  const words =
    /\b(?:process\.(?:env|exit|cwd|stdout|stderr)|Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|await fetch\()/;
  const impure = files('src')
    .filter((file) => [...BASE, ...PURE].includes(moduleOf(file)))
    .filter((file) => words.test(readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')));
  expect(impure).toEqual([]);
});

test('only programs end the process or print', () => {
  const loud = files('src').filter((file) =>
    /\b(?:process\.exit\(|console\.)/.test(
      readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
    ),
  );
  expect(loud).toEqual([]);
});

test('the command line uses the package by its exports only', () => {
  const reaching = files('cli')
    .flatMap(importsOf)
    .filter(
      ({ file, target }) =>
        target.startsWith('.') && !relative(ROOT, resolve(ROOT, dirname(file), target)).startsWith('cli'),
    );
  expect(reaching).toEqual([]);
});

test('each third-party package has one home', () => {
  const strays = ALL.filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
    .filter(
      ({ target }) => target !== 'waybill' && !target.startsWith('waybill/') && !target.startsWith('kubernetes-types/'),
    )
    .filter(({ file, target }) => {
      const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : (target.split('/')[0] as string);
      return ![HOMES[name] ?? 'nowhere'].flat().some((home) => file.startsWith(`${home}/`));
    });
  expect(strays).toEqual([]);
});
