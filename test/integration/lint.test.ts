import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readOutput } from '../support/output.ts';
import { waybill } from '../support/waybill.ts';

const FIXTURES = resolve(import.meta.dirname, '../../fixtures/lint');

let dir: string;
const made: string[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-lint-'));
  made.push(dir);
});
afterAll(() => Promise.all(made.map((one) => rm(one, { recursive: true, force: true }))));

const copyOf = async (rule: string): Promise<string> => {
  const path = join(dir, 'task.yaml');
  await writeFile(path, await readFile(join(FIXTURES, rule, 'bad.yaml')));
  return path;
};

const codes = (stdout: string): readonly string[] =>
  (readOutput('lint', stdout) as { diagnostics: readonly { code: string }[] }).diagnostics.map(({ code }) => code);

describe('the rules of lint', () => {
  test('warn, unless the configuration of the folder says otherwise', async () => {
    await copyOf('privileged-step');
    const warned = await waybill(['lint', 'task.yaml', '-o', 'json'], { cwd: dir });
    expect([warned.code, codes(warned.stdout)]).toEqual([0, ['privileged-step']]);
    await writeFile(join(dir, '.waybill-lint.yaml'), 'version: 1\nrules: {privileged-step: error}\n');
    expect((await waybill(['lint', 'task.yaml'], { cwd: dir })).code).toBe(1);
    await writeFile(join(dir, 'other.yaml'), 'version: 1\nrules: {privileged-step: off}\n');
    const off = await waybill(['lint', 'task.yaml', '-o', 'json', '--config', 'other.yaml'], { cwd: dir });
    expect([off.code, codes(off.stdout)]).toEqual([0, []]);
  });

  test('a configuration that is wrong, or not there, stops it', async () => {
    await copyOf('host-path');
    await writeFile(join(dir, '.waybill-lint.yaml'), 'version: 1\nrules: {no-such-rule: off}\n');
    expect((await waybill(['lint', 'task.yaml'], { cwd: dir })).code).toBe(2);
    expect((await waybill(['lint', 'task.yaml', '--config', 'nowhere.yaml'], { cwd: dir })).code).toBe(3);
  });

  test('--fix mends the file, and what it cannot mend is left and told', async () => {
    const path = await copyOf('literal-path');
    const before = await readFile(path, 'utf8');
    await writeFile(path, before.replace(/@sha256:\w+/, ''));
    const fixed = await waybill(['lint', '--fix', path, '-o', 'json']);
    expect([fixed.code, codes(fixed.stdout)]).toEqual([0, ['unpinned-image']]);
    const after = await readFile(path, 'utf8');
    expect(after).toBe(before.replace(/@sha256:\w+/, '').replace('/tekton/results/commit', '$(results.commit.path)'));
    expect((await waybill(['lint', '--fix', '-'], { input: before })).code).toBe(2);
  });

  test('what a comment ignores is neither told nor mended', async () => {
    const path = await copyOf('old-version');
    const text = (await readFile(path, 'utf8')).replace('v1beta1', 'v1beta1 # waybill-ignore: old-version');
    await writeFile(path, text);
    const { code, stdout } = await waybill(['lint', '--fix', path, '-o', 'json']);
    expect([code, codes(stdout), await readFile(path, 'utf8')]).toEqual([0, [], text]);
  });

  test('-o sarif names rule, file and region', async () => {
    await copyOf('unpinned-image');
    const { code, stdout } = await waybill(['lint', 'task.yaml', '-o', 'sarif'], { cwd: dir });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { rules: [{ id: 'unpinned-image', help: { text: expect.any(String) } }] } },
          results: [
            {
              ruleId: 'unpinned-image',
              ruleIndex: 0,
              level: 'warning',
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: 'task.yaml' },
                    region: { startLine: 11, startColumn: 14, endLine: 11, endColumn: 25 },
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });
});
