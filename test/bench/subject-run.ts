import { randomUUID } from 'node:crypto';
import { type KubeClient, watch } from '../../src/kube/index.ts';
import { compile } from '../../src/plan/index.ts';
import { newRecord } from '../../src/record/index.ts';
import { createRecordStore, drive, kubernetesRuntime, podCompiler } from '../../src/runtime/index.ts';
import type { Subject } from './subjects.ts';

export interface SubjectTimes {
  /** Milliseconds from the record's POST to the state `done`. */
  readonly done: number;
  /** Milliseconds until the end is written too: when `waybill run` could return. */
  readonly written: number;
  readonly requests: number;
  readonly writes: number;
}

export interface RunOptions {
  readonly client: KubeClient;
  readonly agentImage: string;
  readonly name: string;
}

/** Runs a subject once, as the tool would after compiling. Throws where the run does not give what it must. */
export const runSubject = async (
  subject: Subject,
  { client, agentImage, name }: RunOptions,
): Promise<SubjectTimes & { readonly uid: string }> => {
  const uid = randomUUID();
  const { kind, grouping, object } = subject;
  const { namespace } = client;
  const run = { kind, name, namespace, uid, grouping, params: [], workspaces: [] };
  const { plan, diagnostics } = compile({ run, object });
  if (plan === undefined) throw new Error(`${subject.name}: ${JSON.stringify(diagnostics)}`);
  const record = newRecord(plan, { uid, createdAt: Date.now(), agentImage });
  const before = { ...client.counters };
  let done = Number.NaN;

  const start = performance.now();
  const held = await createRecordStore({ client }).create(record, { holder: 'bench' });
  const state = await drive({
    plan,
    record: held,
    runtime: kubernetesRuntime(client),
    compile: podCompiler(plan, uid, { agentImage }),
    onEvent: (event) => {
      if (event.kind === 'changed' && event.state.phase === 'done') done = performance.now() - start;
    },
  });
  const written = performance.now() - start;

  const results = Object.fromEntries(state.results.map((result) => [result.name, result.value]));
  if (state.condition?.status !== 'True' || JSON.stringify(results) !== JSON.stringify(subject.results)) {
    throw new Error(`${subject.name}: ${state.condition?.message} ${JSON.stringify(results)}`);
  }
  const { requests, writes } = client.counters;
  return { uid, done, written, requests: requests - before.requests, writes: writes - before.writes };
};

/** Waits until the kubelet is done with all pods of a run: it is about a second later than the log. */
export const untilQuiet = async (client: KubeClient, uid: string): Promise<void> => {
  const over = new AbortController();
  const busy = new Set<string>();
  let synced = false;
  const selection = { labelSelector: `waybill.dev/run-uid=${uid}`, signal: over.signal };
  try {
    for await (const change of watch(client, 'pods', selection)) {
      if (change.type === 'synced') synced = true;
      else {
        const { metadata, status } = change.object;
        if (status?.phase === 'Succeeded' || change.type === 'deleted') busy.delete(metadata.name);
        else busy.add(metadata.name);
      }
      if (synced && busy.size === 0) return;
    }
  } finally {
    over.abort();
  }
};
