import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeKey, makePolicy, pushBundle, pushSigned, type Signed, well } from '../support/bundles.ts';
import { type Liar, startLiar } from '../support/liar.ts';
import { type TestNamespace, testNamespace } from '../support/namespace.ts';
import { pipelineOf, taskOf } from '../support/objects.ts';

const TEMPLATE = join(import.meta.dirname, '../../fixtures/restricted-pod-template.yaml');

let space: TestNamespace;
let liar: Liar;
let signed: Signed;
let file: string;

beforeAll(async () => {
  space = await testNamespace('policy', { restricted: true });
  liar = await startLiar(space.cluster.registry);
  file = await space.file('hello.yaml', taskOf('hello', ['echo hello from version one']));
  signed = await pushSigned(space, 'hello:1', [file]);
});
afterAll(async () => {
  await liar?.stop();
  await space?.delete();
});
beforeEach(() => liar.lie());

/** Exit 4 with a code, and nothing of it in the cluster: no Secret, no pod, no claim. */
const refused = async (code: string, reference: string, more: readonly string[]): Promise<void> => {
  const ran = await space.run([reference, '--pod-template', TEMPLATE, '--name', 'refused', ...more]);
  expect([ran.code, ran.stderr]).toEqual([4, expect.stringContaining(code)]);
  expect(ran.output).toBeUndefined();
  expect((await space.objects()).filter((object) => object.includes('refused'))).toEqual([]);
};

/** The same repository, by way of the registry that lies. */
const byLiar = (reference: string): string => reference.replace(space.cluster.registry, liar.host);

describe.concurrent('under a policy', () => {
  test('what its key signed runs', async () => {
    const ran = well(await space.run([signed.bundle, '--pod-template', TEMPLATE, '--policy', signed.policy]));
    expect(ran.output?.status.conditions[0].reason).toBe('Succeeded');
    expect(ran.stderr).toContain('verified by sha256:');
    expect(ran.output?.status.provenance).toMatchObject({
      refSource: { digest: { sha256: signed.digest.replace('sha256:', '') } },
    });
  });

  test('an unsigned bundle is refused', async () => {
    const { bundle } = await pushBundle(space, 'unsigned:1', [
      await space.file('unsigned.yaml', taskOf('unsigned', ['true'])),
    ]);
    await refused('NotVerified', bundle, ['--policy', signed.policy]);
  });

  test('a bundle signed with another key is refused', async () => {
    const other = await makeKey(space, 'other');
    const policy = await makePolicy(space, 'other.yaml', `${space.cluster.registry}/${space.name}/**`, other);
    await refused('NotVerified', signed.bundle, ['--policy', policy]);
    await refused('NotVerified', signed.bundle, ['--key', `${other}.pub`]);
  });

  test('a bundle from a place that no rule speaks of is refused', async () => {
    const policy = await makePolicy(space, 'elsewhere.yaml', 'reg.example/**', signed.key.replace(/\.key$/, ''));
    await refused('NotVerified', signed.bundle, ['--policy', policy]);
  });

  test('a signed pipeline that names an unsigned bundle is refused', async () => {
    const { bundle } = await pushBundle(space, 'part:1', [await space.file('part.yaml', taskOf('part', ['true']))]);
    const params = [
      { name: 'bundle', value: bundle },
      { name: 'name', value: 'part' },
    ];
    const pipeline = pipelineOf('whole', { tasks: [{ name: 'part', taskRef: { resolver: 'bundles', params } }] });
    const whole = await pushBundle(space, 'whole:1', [await space.file('whole.yaml', pipeline)]);
    well(await space.cli(['sign', '--key', signed.key, whole.bundle]));
    await refused('NotVerified', whole.bundle, ['--policy', signed.policy]);
    well(await space.cli(['sign', '--key', signed.key, bundle]));
    well(await space.run([whole.bundle, '--pod-template', TEMPLATE, '--policy', signed.policy]));
  });

  test('a policy that cannot be read is no policy to run under', async () => {
    const policy = await space.file('broken.yaml', 'version: 1\nrulez: []\n');
    const { code } = await space.run([signed.bundle, '--policy', policy, '--name', 'refused']);
    expect(code).toBe(2);
    expect((await space.objects()).filter((object) => object.includes('refused'))).toEqual([]);
  });
});

describe('a registry that lies', () => {
  let policy: string;
  beforeAll(async () => {
    policy = await makePolicy(space, 'liar.yaml', `${liar.host}/**`, signed.key.replace(/\.key$/, ''));
  });

  test('honest, it is a mirror like any other: signature and digest are the same', async () => {
    well(await space.run([byLiar(signed.bundle), '--pod-template', TEMPLATE, '--policy', policy]));
  });

  test('a layer with one byte changed is refused', async () => {
    liar.lie((path, body) => {
      if (!/\/blobs\/sha256:/.test(path) || !body.includes('hello from version one')) return undefined;
      return Buffer.from(body.toString('latin1').replace('version one', 'version two'), 'latin1');
    });
    await refused('DigestMismatch', byLiar(signed.bundle), ['--policy', policy]);
    await refused('DigestMismatch', byLiar(signed.bundle), []);
  });

  test('a layer that is cut off is refused', async () => {
    liar.lie((_, body) => (body.includes('hello from version one') ? body.subarray(0, -1) : undefined));
    await refused('Mismatch', byLiar(signed.bundle), ['--policy', policy]);
  });

  test('another manifest under the digest of ours is refused', async () => {
    const at = byLiar(signed.bundle).replace(/:1$/, `@${signed.digest}`);
    liar.lie((path, body) => (path.endsWith(`/manifests/${signed.digest}`) ? Buffer.from(`${body} `) : undefined));
    await refused('Mismatch', at, ['--policy', policy]);
  });

  test('another manifest under the tag has no signature', async () => {
    const changed = await space.file('changed.yaml', taskOf('hello', ['echo hello from somebody else']));
    const { digest } = await pushBundle(space, 'hello:changed', [changed]);
    const url = `http://${space.cluster.registry}/v2/${space.name}/hello/manifests/${digest}`;
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const other = Buffer.from(await (await fetch(url, { headers: { accept } })).arrayBuffer());
    liar.lie((path) => (path.endsWith('/manifests/1') ? other : undefined));
    await refused('NotVerified', byLiar(signed.bundle), ['--policy', policy]);
  });
});

describe('a tag that moved', () => {
  let pinned: string;
  beforeAll(async () => {
    const first = await pushBundle(space, 'moved:1', [file]);
    pinned = `${first.bundle}@${first.digest}`;
    well(await space.cli(['sign', '--key', signed.key, first.bundle]));
    const next = await space.file('next.yaml', taskOf('hello', ['echo hello from version two']));
    const second = await pushBundle(space, 'moved:1', [next]);
    well(await space.cli(['sign', '--key', signed.key, second.bundle]));
  });

  test('is refused where it must not', async () => {
    await refused('TagMoved', pinned, ['--policy', signed.policy, '--frozen']);
    await refused('TagMoved', pinned, ['--frozen']);
  });

  test('is else a warning: the digest decides', async () => {
    const ran = well(await space.run([pinned, '--pod-template', TEMPLATE, '--policy', signed.policy]));
    expect(ran.stderr).toContain('tag-moved');
    expect(ran.stderr).toContain('hello from version one');
  });
});

describe.concurrent('without a policy', () => {
  test('a bundle runs, and it is said that nobody vouches for it', async () => {
    const ran = well(await space.run([signed.bundle, '--pod-template', TEMPLATE]));
    expect(ran.stderr).toContain('not verified: no policy');
  });

  test.each([
    ['a bundle', () => signed.bundle],
    ['a file', () => file],
  ])('%s is refused where only what is verified may run', async (_, reference) => {
    await refused('NotVerified', reference(), ['--require-verified']);
  });

  test('in CI, a policy that lies in the tree is not taken, unless it is asked for', async () => {
    const tree = join(space.folder, 'tree');
    await mkdir(tree);
    await writeFile(join(tree, 'waybill.policy.yaml'), 'version: 1\ndefault: refuse\nrules: []\n');
    const at = { cwd: tree, env: { CI: 'true' } };
    const ran = well(await space.run([signed.bundle, '--pod-template', TEMPLATE], at));
    expect(ran.stderr).toContain('not verified: no policy');
    expect((await space.run([signed.bundle, '--policy-from-tree'], at)).code).toBe(4);
    expect((await space.run([signed.bundle], { cwd: tree })).code).toBe(4);
  });
});

test('a registry with a password wants one', async () => {
  const { host, user, password } = space.cluster.registryAuth;
  const bundle = `${host}/${space.name}/private:1`;
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  const config = join(space.folder, 'docker');
  await mkdir(config);
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  const withPassword = { env: { DOCKER_CONFIG: config } };
  well(await space.cli(['push', file, bundle], withPassword));
  const without = await space.run([bundle], { env: { DOCKER_CONFIG: space.folder } });
  expect([without.code, without.stderr]).toEqual([3, expect.stringContaining('Unauthorized')]);
  const ran = well(await space.run([bundle, '--pod-template', TEMPLATE], withPassword));
  expect(`${ran.stdout}${ran.stderr}`).not.toContain(password);
});
