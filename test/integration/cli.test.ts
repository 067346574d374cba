import { readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readOutput } from '../support/output.ts';
import { PASSWORD, startRegistry, type TestRegistry, USER } from '../support/registry.ts';
import { type CallOptions, waybill } from '../support/waybill.ts';

const RELEASE = join(import.meta.dirname, '../../fixtures/release');
const FILES = [
  join(RELEASE, 'pipeline.yaml'),
  ...readdirSync(join(RELEASE, 'tasks')).map((name) => join(RELEASE, 'tasks', name)),
];
const NOBODY = 'sha256:'.padEnd(71, '0');

let registry: TestRegistry;
let closed: TestRegistry;
let dir: string;
let env: Record<string, string>;

beforeAll(async () => {
  [registry, closed] = await Promise.all([startRegistry(), startRegistry({ htpasswd: true })]);
  dir = await mkdtemp(join(tmpdir(), 'waybill-cli-'));
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  await mkdir(join(dir, 'docker'));
  await writeFile(join(dir, 'docker', 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
  env = { HOME: dir, DOCKER_CONFIG: join(dir, 'docker'), COSIGN_PASSWORD: 'päss' };
});
afterAll(async () => {
  await Promise.all([registry?.stop(), closed?.stop()]);
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

const call = (args: readonly string[], { env: more = {}, ...options }: CallOptions = {}) =>
  waybill(args, { cwd: dir, ...options, env: { ...env, ...more } });

/** What a call gave, which must have ended well and be of the schema. */
const json = async <T>(args: readonly string[], options?: CallOptions): Promise<T> => {
  const { code, stdout, stderr } = await call([...args, '-o', 'json'], options);
  if (code !== 0) throw new Error(`exit ${code}\n${stdout}\n${stderr}`);
  return readOutput(args[0] === 'keys' ? `${args[0]}-${args[1]}` : (args[0] as string), stdout) as T;
};

/** Exit code and error code of a call that must fail, with an error of the schema. */
const failure = async (args: readonly string[], options?: CallOptions): Promise<readonly [number | null, string]> => {
  const { code, stdout, stderr } = await call([...args, '-q', '-o', 'json'], options);
  if (code === 0) throw new Error(`it ended well: ${stdout}`);
  const { error } = readOutput('error', stderr) as { error: { code: string } };
  return [code, error.code];
};

/** Options that name a cluster which does not answer. */
const unreachable = async (): Promise<readonly string[]> => {
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(join(dir, 'kubeconfig'), JSON.stringify(kubeconfig));
  return ['--kubeconfig', 'kubeconfig'];
};

interface Pushed {
  readonly name: string;
  readonly tag: string;
  readonly digest: string;
}

describe.each([
  ['a registry', () => registry.host],
  ['a registry that asks for a password', () => closed.host],
])('by way of %s', (_, host) => {
  test('a bundle goes from files to a layout folder, a registry and back into files', async () => {
    const name = `${host()}/ci/release`;
    const layout = `oci:./out-${host().split(':')[1]}`;
    const packed = await json<Pushed & { objects: number }>(['pack', ...FILES, '-t', `${layout}:1.0.0`]);
    expect(packed).toMatchObject({ name: layout, tag: '1.0.0', objects: FILES.length });
    const { digest } = packed;

    expect(await json(['push', `${layout}:1.0.0`, `${name}:1.0.0`])).toEqual({ name, tag: '1.0.0', digest });
    expect((await json<Pushed>(['push', ...FILES, `${name}:again`])).digest).toBe(digest);

    const listed = await json<{ digest: string; objects: { kind: string; name: string }[] }>([
      'list',
      `${name}@${digest}`,
    ]);
    expect(listed.digest).toBe(digest);
    expect(listed.objects.map((object) => `${object.kind}/${object.name}`)).toContain('pipeline/release');
    const inspected = await json<{ objects: unknown[]; referrers: unknown[] }>(['inspect', `${name}:1.0.0`]);
    expect(inspected).toMatchObject({ name, digest, referrers: [] });
    expect(inspected.objects).toEqual(listed.objects);

    const copied = await json<Pushed>(['copy', `${name}:1.0.0`, `${host()}/mirror/release:1.0.0`]);
    expect(copied.digest).toBe(digest);
    expect(await json(['tag', `${name}:1.0.0`, '1.0', 'latest'])).toEqual({ name, digest, tags: ['1.0', 'latest'] });
    const { tags } = await json<{ tags: string[] }>(['list', name]);
    expect([...tags].sort()).toEqual(['1.0', '1.0.0', 'again', 'latest']);

    const folder = join(dir, `pulled-${host().split(':')[1]}`);
    const pulled = await json<{ files: string[] }>(['pull', name, '-d', folder]);
    expect(pulled.files).toHaveLength(FILES.length);
    expect((await json<Pushed>(['push', folder, `${name}:pulled`])).digest).toBe(digest);
    // What is there is not overwritten, unless asked for.
    expect(await failure(['pull', name, '-d', folder])).toEqual([2, 'Usage']);
    await json(['pull', name, '-d', folder, '--overwrite']);
  });
});

describe('a digest follows from the objects alone', () => {
  test('not from the order, the number or the names of files', async () => {
    const folder = join(dir, 'renamed');
    await mkdir(folder);
    await Promise.all(FILES.map((file, index) => copyFile(file, join(folder, `${9 - index}.yml`))));
    const all = (await Promise.all(FILES.map((file) => readFile(file, 'utf8')))).reverse().join('\n---\n');
    const digests = [
      await json<Pushed>(['pack', ...FILES, '-t', 'oci:./order:a']),
      await json<Pushed>(['pack', ...[...FILES].reverse(), '-t', 'oci:./order:b']),
      await json<Pushed>(['pack', folder, '-t', 'oci:./order:c']),
      await json<Pushed>(['pack', '-', '-t', 'oci:./order:d'], { input: all }),
    ].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(1);
  });

  test('SOURCE_DATE_EPOCH dates it, and is a number', async () => {
    const created = async (epoch: string) => {
      await json(['pack', ...FILES, '-t', 'oci:./dated:1'], { env: { SOURCE_DATE_EPOCH: epoch } });
      return (await json<{ annotations: Record<string, string> }>(['inspect', 'oci:./dated:1'])).annotations;
    };
    expect(await created('0')).toMatchObject({ 'org.opencontainers.image.created': '1970-01-01T00:00:00Z' });
    const soon = { SOURCE_DATE_EPOCH: 'soon' };
    expect(await failure(['pack', ...FILES, '-t', 'oci:./dated:2'], { env: soon })).toEqual([2, 'Usage']);
  });
});

describe('signatures', () => {
  let name: string;
  let digest: string;

  const policy = (file: string, pattern: string, key: string) =>
    writeFile(
      join(dir, file),
      JSON.stringify({ version: 1, default: 'refuse', rules: [{ pattern, keys: [{ path: key }] }] }),
    );

  beforeAll(async () => {
    name = `${registry.host}/signed/release`;
    ({ digest } = await json<Pushed>(['push', ...FILES, `${name}:1`]));
    for (const key of ['mine', 'other']) await json(['keys', 'generate', '-d', key]);
    await policy('policy.yaml', `${registry.host}/signed/**`, 'mine.pub');
    await policy('other.yaml', `${registry.host}/signed/**`, 'other.pub');
    await policy('elsewhere.yaml', `${registry.host}/other/**`, 'mine.pub');
    expect(await failure(['verify', '--key', 'mine.pub', `${name}:1`])).toEqual([4, 'NotVerified']);
    const signed = await json<{ digest: string }>(['sign', '--key', 'mine.key', `${name}:1`]);
    expect(signed.digest).toBe(digest);
  });

  test('a private key is for its owner alone, and is never overwritten', async () => {
    expect((await stat(join(dir, 'mine.key'))).mode & 0o777).toBe(0o600);
    expect(await failure(['keys', 'generate', '-d', 'mine'])).toEqual([2, 'Usage']);
    await writeFile(join(dir, 'half.pub'), '');
    expect(await failure(['keys', 'generate', '-d', 'half'])).toEqual([2, 'Usage']);
    await expect(stat(join(dir, 'half.key'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a wrong password opens no key, and is not told', async () => {
    const wrong = { COSIGN_PASSWORD: 'hunter2' };
    const { code, stderr } = await call(['sign', '--key', 'mine.key', `${name}:1`, '--verbose'], { env: wrong });
    expect(code).toBe(2);
    expect(stderr).toContain('BadKey');
    expect(stderr).not.toContain('hunter2');
  });

  test.each([
    ['--key', 'mine.pub'],
    ['--policy', 'policy.yaml'],
  ])('verify %s %s, before and behind the reference', async (option, file) => {
    for (const args of [
      [option, file, `${name}:1`],
      [`${name}:1`, option, file],
    ])
      expect(await json(['verify', ...args])).toMatchObject({ name, digest, verified: true });
  });

  test.each([
    ['--key', 'other.pub'],
    ['--policy', 'other.yaml'],
    ['--policy', 'elsewhere.yaml'],
  ])('verify %s %s refuses', async (option, file) => {
    expect(await failure(['verify', `${name}:1`, option, file])).toEqual([4, 'NotVerified']);
  });

  test('a copy verifies where it is, its policy willing', async () => {
    const copy = `${registry.host}/copied/release:1`;
    await json(['copy', `${name}:1`, copy]);
    expect(await json(['verify', '--key', 'mine.pub', copy])).toMatchObject({ digest, verified: true });
    expect(await failure(['verify', '--policy', 'policy.yaml', copy])).toEqual([4, 'NotVerified']);
    const inspected = await json<{ referrers: unknown[] }>(['inspect', copy]);
    expect(inspected.referrers).toHaveLength(1);
  });

  test('a copy without referrers is unsigned, also by way of a folder', async () => {
    await json(['copy', `${name}:1`, 'oci:./bare:1', '--no-referrers']);
    await json(['copy', `${name}:1`, 'oci:./whole:1']);
    expect(await failure(['verify', '--key', 'mine.pub', 'oci:./bare:1'])).toEqual([4, 'NotVerified']);
    expect(await json(['verify', '--key', 'mine.pub', 'oci:./whole:1'])).toMatchObject({ verified: true });
  });

  test('a signature speaks of one digest only', async () => {
    await json(['push', FILES[0] as string, `${name}:2`]);
    expect(await failure(['verify', '--key', 'mine.pub', `${name}:2`])).toEqual([4, 'NotVerified']);
  });

  test('resolve gives one object with its verdict, byte for byte', async () => {
    const reference = `${name}:1#pipeline/release`;
    const resolved = await json<{ object: string }>(['resolve', reference, '--policy', 'policy.yaml']);
    expect(resolved).toMatchObject({
      kind: 'pipeline',
      name: 'release',
      source: { digest },
      verdict: { verified: true },
    });
    const { stdout } = await call(['resolve', reference]);
    expect(stdout.trimEnd()).toBe(resolved.object.trimEnd());
    expect(await failure(['resolve', reference, '--policy', 'other.yaml'])).toEqual([4, 'NotVerified']);
    expect(await failure(['resolve', reference, '--require-verified'])).toEqual([4, 'NotVerified']);
    expect(await failure(['resolve', `${name}:1#task/none`])).toEqual([3, 'NotFound']);
    const moved = `${name}:2@${digest}#pipeline/release`;
    expect(await failure(['resolve', moved, '--frozen'])).toEqual([4, 'TagMoved']);
    expect((await call(['resolve', moved])).stderr).toContain('warning');
  });

  describe('where CI=true', () => {
    let tree: string;
    beforeAll(async () => {
      tree = join(dir, 'tree');
      await mkdir(tree);
      const rules = [{ pattern: `${registry.host}/signed/**`, keys: [{ path: join(dir, 'mine.pub') }] }];
      await writeFile(join(tree, 'waybill.policy.yaml'), JSON.stringify({ version: 1, rules }));
    });

    test.each([
      ['taken from the folder elsewhere', {}, [], 0],
      ['not taken from the folder', { CI: 'true' }, [], 2],
      ['taken from the folder when asked', { CI: 'true' }, ['--policy-from-tree'], 0],
      ['taken when named', { CI: 'true' }, ['--policy', 'waybill.policy.yaml'], 0],
    ] as const)('a policy is %s', async (_, ci, options, code) => {
      const ran = await call(['verify', `${name}:1`, ...options], { cwd: tree, env: ci });
      expect([ran.code, ran.stderr]).toEqual([code, expect.anything()]);
    });

    test('resolve goes on without, and says so', async () => {
      const { code, stderr } = await call(['resolve', `${name}:1`], { cwd: tree, env: { CI: 'true' } });
      expect(code).toBe(0);
      expect(stderr).toContain('not verified: no policy');
    });
  });
});

test.each([
  [['fixtures/release']],
  [['--require-verified', '--policy', 'p.yaml', '--no-cache']],
  [['-p', 'a=b', '--pods', 'task', '--timeout', '1h', '--name', 'other']],
  [['--agent-image', 'a.example/b', '--runtime', 'kubernetes', '--dry-run']],
])('a run that goes on is told nothing that its record says: %j', async (given) => {
  const { code, stderr } = await call(['run', '--resume', 'release-x7k2p', ...given, ...(await unreachable())]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('Usage')]);
  for (const flag of given.filter((word) => word.startsWith('--'))) expect(stderr).toContain(flag);
});

test('a run that goes on may be looked for in another cluster and namespace', async () => {
  const args = ['run', '--resume', 'release-x7k2p', '-n', 'ci', '--context', 'x', '-q', '--verbose'];
  expect(await failure([...args, ...(await unreachable())])).toEqual([3, 'Unreachable']);
});

test.each(['runs', 'logs', 'cancel', 'delete', 'run --resume'])(
  'no cluster is asked for a run that cannot be: %s',
  async (command) => {
    expect(await failure([...command.split(' '), 'A_B', ...(await unreachable())])).toEqual([2, 'Usage']);
  },
);

describe('exit codes', () => {
  const gone = 'localhost:59999/ci/release:1';

  test.each<readonly [number, string, () => readonly string[]]>([
    [2, 'Usage', () => ['list']],
    [2, 'Usage', () => ['list', 'a.example/b:1', '--what']],
    [2, 'BadReference', () => ['list', 'release']],
    [2, 'Usage', () => ['push', `${registry.host}/a:1`]],
    [2, 'Usage', () => ['push', `${registry.host}/a:1`, `${registry.host}/b:1`]],
    [2, 'Usage', () => ['copy', `${registry.host}/a:1`, `${registry.host}/b@${NOBODY}`]],
    [2, 'Usage', () => ['pack', ...FILES, '-t', 'oci:./x:1', '--annotate', 'novalue']],
    [2, 'BadKey', () => ['sign', '--key', FILES[0] as string, `${registry.host}/a:1`]],
    [2, 'BadPolicy', () => ['verify', '--policy', FILES[0] as string, `${registry.host}/a:1`]],
    [2, 'Usage', () => ['verify', `${registry.host}/a:1`]],
    [3, 'NotFound', () => ['lint', 'nothing.yaml']],
    [3, 'NotFound', () => ['list', `${registry.host}/nothing:1`]],
    [3, 'NotFound', () => ['list', `${registry.host}/nothing@${NOBODY}`]],
    [3, 'NotFound', () => ['list', 'oci:./nothing:1']],
    [3, 'Unreachable', () => ['list', gone]],
    [3, 'Unreachable', () => ['list', '127.0.0.1:1/a:1']],
    [3, 'KubeConfig', () => ['runs', '--kubeconfig', 'nothing']],
  ])('%i %s', async (code, error, args) => {
    expect(await failure(args())).toEqual([code, error]);
  });

  test('a registry that does not know the user is exit 3, and the password is not told', async () => {
    await json(['push', ...FILES, `${closed.host}/secret/release:1`]);
    const auth = Buffer.from('user:hunter2').toString('base64');
    await mkdir(join(dir, 'wrong'), { recursive: true });
    await writeFile(join(dir, 'wrong', 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
    for (const DOCKER_CONFIG of [join(dir, 'wrong'), join(dir, 'none')]) {
      const args = ['list', `${closed.host}/secret/release:1`];
      expect(await failure(args, { env: { DOCKER_CONFIG } })).toEqual([3, 'Unauthorized']);
      const { stderr } = await call([...args, '--verbose'], { env: { DOCKER_CONFIG } });
      expect(stderr).not.toMatch(new RegExp(`hunter2|${auth}`));
    }
  });

  test('a plan, and a run that is not started, are of their schemas and need no cluster', async () => {
    const at = await unreachable();
    const given = ['-p', 'version=1.2.3', '-w', 'source=claim=1Gi', '-p', 'repository=https://git.example/x.git'];
    const planned = await call(['plan', RELEASE, ...given, '-o', 'json']);
    expect([planned.code, planned.stderr]).toEqual([0, expect.anything()]);
    readOutput('plan', planned.stdout);
    const dry = await call([
      'run',
      RELEASE,
      ...given,
      ...at,
      '--dry-run',
      '--agent-image',
      'a.example/b',
      '-o',
      'json',
    ]);
    expect([dry.code, dry.stderr]).toEqual([0, expect.anything()]);
    readOutput('run', dry.stdout);
    expect(await failure(['runs', ...at])).toEqual([3, 'Unreachable']);
  });
});
