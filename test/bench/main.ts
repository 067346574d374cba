/**
 * `npm run bench`: runs against bare pods, side by side, on the cluster that KUBECONFIG names (with WAYBILL_AGENT_IMAGE),
 * or on the test cluster. `--check` exits with 1 where a goal is missed. Leaves nothing behind.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createClient, type KubeClient, loadClusterAccess, watch } from '../../src/kube/index.ts';
import { testCluster } from '../support/cluster.ts';
import { figureOf } from './figures.ts';
import { missed, type Report, renderReport, startUpReport, subjectReport } from './report.ts';
import { measureRounds } from './rounds.ts';
import { MAIN, measureStartUp } from './start-up.ts';
import { SUBJECTS } from './subjects.ts';

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '20' },
    check: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** A namespace of its own, in which pods can be made, for as long as `work` takes. */
const within = async <T>(client: KubeClient, work: () => Promise<T>): Promise<T> => {
  await client.create('namespaces', { metadata: { name: client.namespace } });
  try {
    for await (const change of watch(client, 'serviceaccounts')) {
      if (change.type !== 'synced' && change.object.metadata.name === 'default') break;
    }
    return await work();
  } finally {
    await client.delete('namespaces', client.namespace, { propagation: 'Background' });
  }
};

const measure = async (samples: number): Promise<Report> => {
  const startUp: Record<string, Report['startUp'][string]> = {};
  for (const [name, main] of Object.entries(MAIN)) {
    if (!existsSync(main.at(-1) ?? '')) continue;
    say(`start-up of the tool, ${name} …`);
    startUp[name] = startUpReport(await measureStartUp(main, samples));
  }

  const { kubeconfig, agentImage } = await testCluster();
  if (agentImage === undefined) throw new Error('no agent image on this cluster: set WAYBILL_AGENT_IMAGE');
  const access = await loadClusterAccess({ env: {}, home: homedir(), file: kubeconfig });
  const namespace = `bench-${randomUUID().slice(0, 8)}`;
  const client = createClient({ ...access, namespace });
  const subjectClient = createClient({ ...access, namespace });
  const load = [loadavg()[0] ?? 0];
  try {
    const all = await within(client, () =>
      measureRounds(SUBJECTS, {
        client,
        subjectClient,
        agentImage,
        samples,
        onRound: (round, found) => {
          const times = found.map(({ done, before }) => `${Math.round(before)} [${Math.round(done)}]`).join(' ');
          say(`${round === 0 ? 'warm-up' : `round ${round} of ${samples}`}: yardstick ms [run ms]: ${times}`);
        },
      }),
    );
    load.push(loadavg()[0] ?? 0);
    const yardsticks = [...all.values()].flat().flatMap(({ before, after }) => [before, after]);
    const subjects = SUBJECTS.map((subject) => subjectReport(subject, all.get(subject) ?? []));
    return { samples, load, yardstick: figureOf(yardsticks), subjects, startUp };
  } finally {
    await Promise.all([client.close(), subjectClient.close()]);
  }
};

const main = async (): Promise<number> => {
  const samples = Number(values.samples);
  if (!Number.isSafeInteger(samples) || samples < 1) {
    say(`--samples is "${values.samples}": it must be a whole number from 1 on`);
    return 2;
  }
  const report = await measure(samples);
  process.stdout.write(renderReport(report));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  const above = missed(report);
  for (const { name, ratio, goal } of above) say(`${name}: ${ratio.median.toFixed(2)} is above the goal of ${goal}`);
  return values.check && above.length > 0 ? 1 : 0;
};

process.exitCode = await main();
