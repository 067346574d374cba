import type { RunState } from 'waybill/engine';
import type { KubeClient } from 'waybill/kube';
import { containersOf } from 'waybill/pod';
import type { RunRecord } from 'waybill/record';
import {
  type Clock,
  type DriverEvent,
  drive,
  type HeldRecord,
  kubernetesRuntime,
  type NamespaceLimits,
  podCompiler,
  type Runtime,
} from 'waybill/runtime';
import type { Context } from './command.ts';
import { logPrinter } from './output/logs.ts';

export interface DriveInput {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly held: HeldRecord;
  readonly record: RunRecord;
  /** Where they have been asked for already. */
  readonly limits?: NamespaceLimits | undefined;
}

/** How the API server words that our user lacks a right. */
const MISSING_RIGHT = / cannot \w+ resource "/;

/**
 * Drives a held run to its end, with its steps' logs on the way; returns its last state. Ctrl-C cancels the run; a second
 * one ends the process, and the run can be resumed. Where the terminal goes away the run is left as it is, to be resumed.
 */
export const driveRun = async (
  context: Context,
  { client, clock, held, record, limits }: DriveInput,
): Promise<RunState> => {
  const runtime: Runtime = kubernetesRuntime(client, { now: clock.now, ...(limits && { limits }) });
  const { plan, uid, agentImage } = record;
  const logs = logPrinter(context, (pod, container, how) => runtime.logs(held.run, pod, container, how));
  let advised = false;
  const onEvent = (happened: DriverEvent): void => {
    if (happened.kind === 'notice') {
      const { pod, code, message } = happened.notice;
      if (code === 'LogForbidden') {
        // Steps and agents have one right in common, and it is said once.
        if (logs.forbidden() !== undefined) return;
        logs.forbid(message);
      }
      context.note(`${pod === null ? '' : `${pod}: `}${code}: ${message}`);
      if (advised || !MISSING_RIGHT.test(message)) return;
      advised = true;
      context.note(`rights are missing; see which with: waybill auth check -n ${record.namespace}`);
      return;
    }
    const { event, state } = happened;
    if (event.kind !== 'stepStarted') return;
    const found = containersOf(plan, event.group).find(({ task, step }) => task === event.task && step === event.step);
    const pod = state.groups[event.group]?.pod?.name;
    const node = plan.nodes[event.task];
    if (found === undefined || pod === undefined || node === undefined) return;
    logs.follow({ pod, container: found.container, task: node.name, step: node.steps[event.step]?.name ?? '' });
  };
  const state = await drive({
    plan,
    record: held,
    runtime,
    compile: podCompiler(plan, uid, { agentImage }),
    clock,
    signal: context.signal,
    ...(context.hangup && { force: context.hangup }),
    onEvent,
  });
  // A driver that ended before its run waits for no log: its steps may go on for hours.
  await logs.end();
  return state;
};
