/**
 * `npm run demo`: the main job on real parts: files → bundle → signature → registry → policy → plan → pods. Takes the
 * cluster that KUBECONFIG names (with WAYBILL_AGENT_IMAGE), or brings up the test cluster; leaves no run behind.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { testCluster } from '../test/support/cluster.ts';

const ROOT = resolve(import.meta.dirname, '..');
const BUNDLE = join(ROOT, 'fixtures/release');

const { values } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'kubernetes' },
    pods: { type: 'string', default: 'run' },
    keep: { type: 'boolean', default: false },
  },
});

/** Runs the tool as a user would, and shows the command first. */
const waybill = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  console.log(`\n\u001b[1m$ waybill ${args.join(' ')}\u001b[0m`);
  return new Promise((settle) => {
    const child = spawn(process.execPath, ['--conditions=@waybill/source', join(ROOT, 'cli/main.ts'), ...args], {
      stdio: 'inherit',
      env,
    });
    child.on('close', (code) => settle(code ?? 1));
  });
};

const main = async (): Promise<number> => {
  if (values.runtime !== 'kubernetes') {
    console.error(`the runtime "${values.runtime}" is not there yet; there is kubernetes`);
    return 2;
  }
  console.log(
    'Bringing up what the demo needs: a Kubernetes cluster and a registry. The first time this takes minutes.',
  );
  const cluster = await testCluster();
  if (cluster.agentImage === undefined) {
    console.error(
      'the cluster that KUBECONFIG names needs an agent image: see docs/runs.md, then set WAYBILL_AGENT_IMAGE',
    );
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'waybill-demo-'));
  const env = {
    ...process.env,
    CI: '',
    KUBECONFIG: cluster.kubeconfig,
    WAYBILL_AGENT_IMAGE: cluster.agentImage,
    COSIGN_PASSWORD: 'demo',
  };
  const bundle = `${cluster.registry}/demo/release:1.0.0`;
  const name = `demo-${Date.now().toString(36)}`;
  const policy = join(folder, 'waybill.policy.yaml');
  const key = join(folder, 'demo');
  writeFileSync(
    policy,
    [
      'version: 1',
      'rules:',
      `  - pattern: ${cluster.registry}/demo/**`,
      '    keys:',
      `      - path: ${key}.pub`,
      '',
    ].join('\n'),
  );
  const steps: readonly (readonly string[])[] = [
    ['lint', BUNDLE],
    ['push', BUNDLE, bundle],
    ['list', bundle],
    ['keys', 'generate', '-d', key],
    ['sign', '--key', `${key}.key`, bundle],
    ['verify', '--policy', policy, bundle],
    [
      'plan',
      `${bundle}#pipeline/release`,
      '--policy',
      policy,
      '--pods',
      values.pods,
      '-p',
      'version=1.0.0',
      '-w',
      'source=claim=100Mi',
    ],
    [
      'run',
      `${bundle}#pipeline/release`,
      '--policy',
      policy,
      '--require-verified',
      '--pods',
      values.pods,
      '-p',
      'version=1.0.0',
      '-w',
      'source=claim=100Mi',
      '--name',
      name,
    ],
    ['runs'],
    ...(values.keep ? [] : [['delete', name]]),
  ];
  try {
    for (const step of steps) {
      const code = await waybill(step, env);
      if (code !== 0) return code;
    }
    console.log(
      '\nThat was: pack, push, sign, verify, plan, run. The test cluster keeps running; stop it with: npm run cluster down',
    );
    return 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

process.exitCode = await main();
// Sockets of the harness may be open still.
process.exit();
