import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readOutput } from '../support/output.ts';
import { waybill } from '../support/waybill.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BAD = join(ROOT, 'fixtures/bad');
const TASK = join(ROOT, 'fixtures/release/tasks/lint.yaml');

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly range?: { readonly start: { readonly line: number; readonly column: number } };
}

const placeOf = ({ code, range }: Finding): string => `${code} ${range?.start.line}:${range?.start.column}`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-input-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const file = async (name: string, content: string): Promise<string> => {
  const path = join(dir, name);
  await writeFile(path, content);
  return path;
};

/** Exit code and findings of `lint`. */
const lint = async (path: string, input?: string) => {
  const { code, stdout, stderr } = await waybill(['lint', path, '-o', 'json'], input === undefined ? {} : { input });
  if (stdout === '') throw new Error(`exit ${code}\n${stderr}`);
  const { diagnostics } = readOutput('lint', stdout) as { diagnostics: readonly Finding[] };
  return { code, places: diagnostics.map(placeOf), diagnostics };
};

/** Exit code and findings of another command, which stop it. */
const stopped = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await waybill([...args, '-q', '-o', 'json']);
  if (code === 0) throw new Error(`it ended well: ${stdout}`);
  const { error } = readOutput('error', stderr) as { error: { code: string; diagnostics?: readonly Finding[] } };
  return { code, error: error.code, places: error.diagnostics?.map(placeOf) ?? [] };
};

/** `lint` ends with 1, with 2 where there is no YAML to look at; every other command with 2. */
describe('bad input is told by code, line and column', () => {
  test.each([
    ['broken.yaml', 2, 'yaml-syntax 10:1'],
    ['anchors.yaml', 2, 'too-many-aliases 5:36'],
    ['duplicate-key.yaml', 1, 'duplicate-key 10:7'],
    ['unknown-field.yaml', 1, 'unknown-field 8:7'],
    ['cycle.yaml', 1, 'dag-cycle 9:13'],
    ['missing-param.yaml', 1, 'missing-param 26:7'],
    ['missing-param.yaml', 1, 'unknown-result 36:14'],
    ['unknown-task.yaml', 1, 'unknown-task 12:18'],
    ['wrong-type.yaml', 1, 'wrong-type 6:14'],
    ['names.yaml', 1, 'bad-name 4:9'],
    ['required-field.yaml', 1, 'required-field 8:10'],
    ['variables.yaml', 1, 'unknown-param 19:14'],
  ])('%s: lint %i, others 2', async (name, code, place) => {
    const path = join(BAD, name);
    const linted = await lint(path);
    expect([linted.code, linted.places]).toEqual([code, expect.arrayContaining([place])]);
    for (const args of [
      ['pack', path, '-t', `oci:${join(dir, 'never')}:1`],
      ['plan', path],
    ]) {
      const ended = await stopped(...args);
      expect([args[0], ended]).toEqual([
        args[0],
        { code: 2, error: 'InvalidInput', places: expect.arrayContaining([place]) },
      ]);
    }
  });

  test('what cannot run yet can be linted and packed, and not planned', async () => {
    const path = join(BAD, 'unsupported.yaml');
    const linted = await lint(path);
    expect(linted.code).toBe(0);
    expect(linted.diagnostics.every(({ severity }) => severity === 'warning')).toBe(true);
    expect((await waybill(['pack', path, '-t', `oci:${join(dir, 'unsupported')}:1`])).code).toBe(0);
    const ended = await stopped('plan', path);
    expect(ended).toMatchObject({ code: 2, error: 'InvalidInput' });
    expect(ended.places).toContain('unsupported-field 6:3');
  });

  test('a file of 10 MB', async () => {
    const path = await file('large.yaml', `a: ${'x'.repeat(10 * 1024 * 1024)}\n`);
    expect(await lint(path)).toMatchObject({ code: 2, places: ['file-too-large 1:1'] });
    expect(await stopped('plan', path)).toMatchObject({ code: 2, places: ['file-too-large 1:1'] });
  });

  test('a file larger than what is read at all', async () => {
    const path = await file('larger.yaml', 'x'.repeat(33 * 1024 * 1024));
    expect(await stopped('lint', path)).toMatchObject({ code: 2, error: 'TooLarge' });
  });

  test('collections without end', async () => {
    const path = await file('deep.yaml', '['.repeat(50_000));
    expect(await lint(path)).toMatchObject({ code: 2 });
    expect(await stopped('plan', path)).toMatchObject({ code: 2, error: 'InvalidInput' });
  });

  test('a param that is not given to a run', async () => {
    const path = await file(
      'wanted.yaml',
      'apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  params: [{name: wanted}]\n  steps: [{name: s, image: a, script: "$(params.wanted)"}]\n',
    );
    expect((await lint(path)).code).toBe(0);
    expect(await stopped('plan', path)).toMatchObject({ code: 2, error: 'InvalidInput' });
    expect((await waybill(['plan', path, '-p', 'wanted=x'])).code).toBe(0);
    const other = await waybill(['plan', path, '-p', 'wanted=x', '-p', 'other=y']);
    expect([other.code, other.stderr]).toEqual([0, expect.stringContaining('unknown-param')]);
  });

  test('all findings of all files, each under its name', async () => {
    const { code, stdout } = await waybill(['lint', 'fixtures/bad/cycle.yaml', 'fixtures/bad/unknown-task.yaml']);
    expect(code).toBe(1);
    expect(stdout).toContain('fixtures/bad/cycle.yaml:9:13: error dag-cycle');
    expect(stdout).toContain('fixtures/bad/unknown-task.yaml:9:18: error unknown-task');
  });

  test('what a file holds does not reach the terminal', async () => {
    const path = await file('hostile.yaml', 'kind: "\\e]0;owned\\a"\n\u009b: 1\n');
    for (const args of [
      ['lint', path],
      ['plan', path],
      ['lint', path, '-o', 'json'],
      ['plan', path, '-o', 'json'],
    ]) {
      const { code, stdout, stderr } = await waybill(args, { env: { FORCE_COLOR: '1' } });
      expect(code).toBeGreaterThan(0);
      for (const sent of ['\u009b', '\u001b]', '\u0007']) expect(stdout + stderr).not.toContain(sent);
    }
  });
});

describe('streams', () => {
  test('- is standard input', async () => {
    const good = await readFile(TASK, 'utf8');
    expect(await lint('-', good)).toMatchObject({
      code: 0,
      places: ['missing-version 3:1', 'unpinned-image 20:14'],
    });
    expect(await lint('-', await readFile(join(BAD, 'cycle.yaml'), 'utf8'))).toMatchObject({
      code: 1,
      places: ['dag-cycle 9:13'],
    });
  });

  test('colours only on a terminal, or when they are wanted', async () => {
    const args = ['lint', join(BAD, 'cycle.yaml')];
    const colored = async (env: Record<string, string>) => (await waybill(args, { env })).stdout.includes('\u001b[');
    expect(await colored({ FORCE_COLOR: '', NO_COLOR: '' })).toBe(false);
    expect(await colored({ FORCE_COLOR: '1', NO_COLOR: '' })).toBe(true);
    expect(await colored({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
  });

  test('--quiet leaves the result alone', async () => {
    const args = ['pack', join(BAD, 'unsupported.yaml'), '-t', `oci:${join(dir, 'quiet')}:1`];
    const loud = await waybill(args);
    const quiet = await waybill([...args, '-q']);
    expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([0, loud.stdout, '']);
    expect(loud.stderr).toContain('unsupported-field');
  });

  const WAYBILL = `'${process.execPath}' --conditions=@waybill/source cli/main.ts`;

  const shell = (script: string): Promise<string> =>
    new Promise((done) => {
      const child = spawn('bash', ['-c', script], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
      let all = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          all += text;
        });
      }
      child.on('close', () => done(all));
    });

  test.each([
    ['an answer that nobody reads to its end', `completion bash -o json | head -c 1`],
    ['an answer that nobody reads', `lint fixtures -o json | true`],
    ['an error that nobody reads', `lint nothing 2>&1 | true`],
    ['help that nobody reads', `--help | true`],
  ])('%s is no failure of ours', async (_, call) => {
    const said = await shell(`${WAYBILL} ${call}; echo "exit \${PIPESTATUS[0]}"`);
    expect(said).toMatch(/exit [0123]\n$/);
    expect(said).not.toMatch(/EPIPE|bug in waybill|at .*\.ts:\d/);
  });

  test('a long answer comes whole through a slow pipe', async () => {
    const said = await shell(`${WAYBILL} completion bash | { sleep 0.5; wc -c; }`);
    const { stdout } = await waybill(['completion', 'bash']);
    expect(Number(said)).toBe(Buffer.byteLength(stdout));
  });

  test.each([
    ['waybill ', 'lint'],
    ['waybill ke', 'keys'],
    ['waybill keys ', 'generate'],
    ['waybill -o json li', 'lint list'],
    ['waybill run --po', '--pod-template --pods'],
    ['waybill run x --pods ', 'task auto run'],
    ['waybill keys generate --out', '--output-key-prefix --output'],
    ['waybill completion z', 'zsh'],
  ])('bash completes %j', async (line, wanted) => {
    const said = await shell(`source <(${WAYBILL} completion bash)
      line='${line}'; read -ra COMP_WORDS <<< "$line"; [[ $line == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _waybill; echo "\${COMPREPLY[@]}"`);
    expect(said.trim().split(' ')).toEqual(expect.arrayContaining(wanted.split(' ')));
  });

  test.each(['zsh', 'fish'])('there is a script for %s', async (name) => {
    const { code, stdout } = await waybill(['completion', name, '-o', 'json']);
    expect(code).toBe(0);
    expect(readOutput('completion', stdout)).toMatchObject({
      shell: name,
      script: expect.stringContaining('generate'),
    });
  });
});
