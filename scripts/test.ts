/**
 * `npm test`: every suite, on real parts, in the order from the fastest to the slowest; ends with one line over all.
 * `npm test -- unit e2e` runs the suites named. A cluster that this program started is stopped at the end.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const REPORTS = join(ROOT, '.cache/reports');
const SOURCE = ['--conditions=@waybill/source'];

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Suite {
  readonly name: string;
  readonly needsCluster: boolean;
  readonly run: () => Promise<Count>;
}

/** Exit code of a command; its output is the user's to see, or is handed line by line to `onLine`. */
const execute = (
  command: string,
  args: readonly string[],
  cwd = ROOT,
  onLine?: (line: string) => void,
): Promise<number> =>
  new Promise((settle) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'] });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() as string;
      if (onLine) lines.forEach(onLine);
    });
    child.on('error', () => settle(127));
    child.on('close', (code) => settle(code ?? 1));
  });

/** Each command of the list counts as one test. */
const checks = (commands: readonly (readonly [string, ...string[]])[]) => async (): Promise<Count> => {
  let failed = 0;
  for (const [command, ...args] of commands) {
    if ((await execute(command, args)) !== 0) failed += 1;
  }
  return { passed: commands.length - failed, failed, skipped: 0 };
};

const go = async (): Promise<Count> => {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const code = await execute('go', ['test', '-json', './...'], join(ROOT, 'agent'), (line) => {
    const event = JSON.parse(line) as { Action: string; Test?: string; Output?: string };
    if (event.Test === undefined) return;
    if (event.Action === 'pass') count.passed += 1;
    if (event.Action === 'skip') count.skipped += 1;
    if (event.Action === 'fail') {
      count.failed += 1;
      console.log(`FAIL ${event.Test}`);
    }
    if (event.Action === 'output' && /_test\.go:\d+/.test(event.Output ?? ''))
      process.stdout.write(event.Output as string);
  });
  if (code !== 0 && count.failed === 0) count.failed = 1;
  return count;
};

const vitest = (project: string) => async (): Promise<Count> => {
  const report = join(REPORTS, `${project}.json`);
  rmSync(report, { force: true });
  const code = await execute('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that fails before its tests begin fails no test, yet fails the run.
    const failed = numFailedTests > 0 ? numFailedTests : code === 0 ? 0 : 1;
    return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
};

const SUITES: readonly Suite[] = [
  { name: 'lint', needsCluster: false, run: checks([['biome', 'check', '.'], ['tsc'], ['knip']]) },
  { name: 'unit', needsCluster: false, run: vitest('unit') },
  { name: 'agent', needsCluster: false, run: go },
  { name: 'contract', needsCluster: true, run: vitest('contract') },
  { name: 'integration', needsCluster: true, run: vitest('integration') },
  { name: 'e2e', needsCluster: true, run: vitest('e2e') },
];

const cluster = (verb: string): Promise<number> => execute('node', [...SOURCE, 'test/cluster/main.ts', verb]);

const main = async (): Promise<number> => {
  mkdirSync(REPORTS, { recursive: true });
  const named = process.argv.slice(2);
  const suites = SUITES.filter(({ name }) => named.length === 0 || named.includes(name));
  if (suites.length === 0) {
    console.error(`no suite is called that; there are ${SUITES.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const own = suites.some(({ needsCluster }) => needsCluster) && process.env.KUBECONFIG === undefined;
  const wasUp =
    own && (await execute('node', [...SOURCE, 'test/cluster/main.ts', 'status'], ROOT, () => undefined)) === 0;
  const results: (Count & { readonly name: string; readonly seconds: number })[] = [];
  try {
    if (own && !wasUp && (await cluster('up')) !== 0) {
      console.error('the test cluster did not come up');
      results.push({ name: 'cluster', passed: 0, failed: 1, skipped: 0, seconds: 0 });
    } else {
      for (const { name, run } of suites) {
        console.log(`\n== ${name}`);
        const start = performance.now();
        const count = await run();
        results.push({ name, ...count, seconds: Math.round((performance.now() - start) / 1000) });
      }
    }
  } finally {
    if (own && !wasUp) await cluster('down');
  }
  console.log('');
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(`${name.padEnd(12)} ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`);
  }
  const sum = (key: keyof Count): number => results.reduce((total, count) => total + count[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed') > 0 ? 1 : 0;
};

process.exitCode = await main();
