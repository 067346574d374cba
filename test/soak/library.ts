/**
 * A process that drives many runs at once through the library, one client and one runtime for all of them, for as long as the
 * soak takes. Started by `pool.ts`; its memory is looked at after every run.
 */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { isWaybillError, messageOf } from '../../src/core/index.ts';
import type { RunState } from '../../src/engine/index.ts';
import { createClient, loadClusterAccess } from '../../src/kube/index.ts';
import { compile } from '../../src/plan/index.ts';
import { newRecord, type RunRecord } from '../../src/record/index.ts';
import { createRecordStore, drive, type HeldRecord, kubernetesRuntime, podCompiler } from '../../src/runtime/index.ts';
import { loadObjects, type Pipeline } from '../../src/tekton/index.ts';
import type { Memory } from './memory.ts';
import type { Order, Report, Setting } from './messages.ts';

const { kubeconfig, namespace, agentImage, claim } = JSON.parse(process.argv[2] ?? '{}') as Setting;

const say = (report: Report): void => {
  process.send?.(report);
};

const memory = (): Memory => {
  // Twice: what the first one finds to be unused may hold on to more.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
};

const access = await loadClusterAccess({ env: {}, home: homedir(), file: kubeconfig });
const client = createClient({ ...access, namespace });
const records = createRecordStore({ client });
const runtime = kubernetesRuntime(client);
const holder = `soak/${process.pid}/${randomUUID().slice(0, 8)}`;

const recordOf = ({ name, grouping, pipeline }: Extract<Order, { kind: 'drive' }>): RunRecord => {
  const { objects, diagnostics } = loadObjects(JSON.stringify(pipeline), name, { strictness: 'run' });
  const object = objects[0]?.object as Pipeline | undefined;
  const uid = randomUUID();
  const compiled =
    object &&
    compile({
      run: {
        kind: 'PipelineRun',
        name,
        namespace,
        uid,
        grouping,
        params: [],
        workspaces: [
          { name: 'counts', persistentVolumeClaim: { claimName: claim } },
          {
            name: 'own',
            volumeClaimTemplate: {
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '8Mi' } } },
            },
          },
        ],
      },
      object: { object, source: { kind: 'Pipeline', name: 'soak' } },
    });
  if (compiled?.plan === undefined) throw new Error(JSON.stringify([...diagnostics, ...(compiled?.diagnostics ?? [])]));
  return newRecord(compiled.plan, { uid, createdAt: Date.now(), agentImage });
};

/** Holds the record of a run that is new, or that this process left in the middle. */
const hold = async (order: Extract<Order, { kind: 'drive' }>): Promise<{ held: HeldRecord; record: RunRecord }> => {
  const record = recordOf(order);
  try {
    return { held: await records.create(record, { holder }), record };
  } catch (error) {
    if (!isWaybillError(error, 'RunExists')) throw error;
    return records.take(namespace, order.name, { holder, isGone: (other) => other === holder });
  }
};

const work = async (order: Extract<Order, { kind: 'drive' }>): Promise<void> => {
  const { name } = order;
  let driven = false;
  try {
    const { held, record } = await hold(order);
    const { plan, uid } = record;
    driven = true;
    const state: RunState = await drive({
      plan,
      record: held,
      runtime,
      compile: podCompiler(plan, uid, { agentImage }),
      onEvent: (happened) => {
        if (happened.kind !== 'changed' || happened.event.kind !== 'stepStarted') return;
        const { task, group } = happened.event;
        const pod = happened.state.groups[group]?.pod?.name ?? '';
        say({ kind: 'began', name, task: plan.nodes[task]?.name ?? '', pod });
      },
    });
    const { status = '', reason = '', message = '' } = state.condition ?? {};
    say({ kind: 'ended', name, status, reason, message, memory: memory() });
  } catch (error) {
    const code = isWaybillError(error) ? error.code : 'Internal';
    const message = isWaybillError(error)
      ? messageOf(error)
      : error instanceof Error
        ? (error.stack ?? '')
        : String(error);
    say({ kind: 'broken', name, held: driven, code, message });
  }
};

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'drive':
      void work(order);
      return;
    case 'end':
      void client.close().finally(() => process.exit(0));
      return;
  }
});
process.on('disconnect', () => process.exit(1));
say({ kind: 'ready' });
