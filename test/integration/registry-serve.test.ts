import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { well } from '../support/bundles.ts';
import { taskOf } from '../support/objects.ts';
import { type Ran, run } from '../support/run.ts';
import { type ToolName, tool } from '../support/tools.ts';
import { type Started, startWaybill, waybill } from '../support/waybill.ts';

/** Building cosign from nothing takes minutes on a small machine; once built it is kept. */
const BUILD_TIMEOUT = 20 * 60_000;
const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false', '--yes', '--allow-insecure-registry'];

let dir: string;
let serving: Started;
let host: string;
const paths = new Map<ToolName, string>();

beforeAll(async () => {
  for (const name of ['crane', 'oras', 'cosign'] as const) paths.set(name, await tool(name));
  dir = await mkdtemp(join(tmpdir(), 'waybill-served-'));
  await mkdir(join(dir, 'registry'));
  serving = startWaybill(['registry', 'serve', join(dir, 'registry'), '--port', '0']);
  let errors = '';
  serving.child.stderr?.on('data', (text: string) => {
    errors += text;
  });
  await serving.says(/at http:\/\/127\.0\.0\.1:\d+;/);
  host = /at http:\/\/(127\.0\.0\.1:\d+);/.exec(errors)?.[1] as string;
}, BUILD_TIMEOUT);

afterAll(async () => {
  serving?.child.kill('SIGINT');
  expect((await serving?.finished)?.code).toBe(0);
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

const peer = async (name: ToolName, ...args: string[]): Promise<Ran> => {
  const ran = await run(paths.get(name) as string, args, {
    cwd: dir,
    env: { COSIGN_PASSWORD: '', DOCKER_CONFIG: dir },
  });
  expect(ran.code, `${name} ${args.join(' ')}\n${ran.stderr}`).toBe(0);
  return ran;
};

test('a bundle of ours is read and copied by crane, and stands as a layout in the folder', async () => {
  await writeFile(join(dir, 'task.json'), JSON.stringify(taskOf('served', ['echo served'])));
  const ref = `${host}/ci/served:1.0.0`;
  well(await waybill(['push', join(dir, 'task.json'), ref]));
  const { stdout } = await peer('crane', 'digest', ref);
  const digest = stdout.trim();
  await peer('crane', 'copy', ref, `${host}/mirror/served:1.0.0`);
  expect((await peer('crane', 'digest', `${host}/mirror/served:1.0.0`)).stdout.trim()).toBe(digest);
  expect((await peer('crane', 'ls', `${host}/ci/served`)).stdout.trim()).toBe('1.0.0');
  expect((await peer('crane', 'catalog', host)).stdout).toContain('ci/served');
  const listed = well(await waybill(['list', `oci:${join(dir, 'registry/ci/served')}:1.0.0`, '-o', 'json']));
  expect(listed.stdout).toContain('"served"');
});

test('oras pushes a large file, attaches to it, discovers and pulls it', async () => {
  const content = randomBytes(8 * 1024 * 1024);
  await writeFile(join(dir, 'large.bin'), content);
  await writeFile(join(dir, 'note.txt'), 'a note');
  const ref = `${host}/files/large:1`;
  await peer('oras', 'push', '--plain-http', ref, 'large.bin:application/octet-stream');
  await peer('oras', 'attach', '--plain-http', '--artifact-type', 'application/x.note', ref, 'note.txt');
  const found = await peer('oras', 'discover', '--plain-http', '--format', 'json', ref);
  expect(found.stdout).toContain('application/x.note');
  await peer('oras', 'pull', '--plain-http', '-o', join(dir, 'pulled'), ref);
  const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  expect(sum(await readFile(join(dir, 'pulled/large.bin')))).toBe(sum(content));
});

test('cosign signs in it by the referrers API, and we verify', async () => {
  const ref = `${host}/ci/served:1.0.0`;
  await peer('cosign', 'generate-key-pair', '--output-key-prefix', join(dir, 'key'));
  const { stdout } = await peer('crane', 'digest', ref);
  await peer('cosign', 'sign', '--key', join(dir, 'key.key'), ...OFFLINE, `${host}/ci/served@${stdout.trim()}`);
  well(await waybill(['verify', ref, '--key', join(dir, 'key.pub')]));
  // The API, and no list under a tag beside it.
  expect((await peer('crane', 'ls', `${host}/ci/served`)).stdout.trim()).toBe('1.0.0');
});
