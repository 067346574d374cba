import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Proxy as Network, startProxy } from '../support/proxy.ts';
import type { Finished, Started } from '../support/waybill.ts';
import { pipelineFor } from './pipeline.ts';
import type { SoakRun } from './plan.ts';
import { CLAIM, type Ended, type Play, type Stage } from './stage.ts';

/** Drivers of one run at most. */
const DRIVERS = 20;

/** A run that a process of the tool drives, and those that take over from it. */
export const playByTool: Play = async (stage, run, signal) => {
  const file = await stage.space.file(`${run.name}.json`, pipelineFor(run, stage.space.cluster.registry));
  const network = await networkFor(stage, run);
  const tool = toolOf(stage, run, file, network?.kubeconfig, signal);
  try {
    const first = tool.start();
    const strike = strikeAt(stage, run, first, tool, network?.proxy, signal);
    const ended = await tool.toTheEnd(await strike);
    return ended;
  } finally {
    await network?.proxy.close();
  }
};

interface Tool {
  start(): Started;
  resume(): Started;
  /** Goes on from the end of a driver until the run has ended: resumes it, or starts it where it never came to be. */
  toTheEnd(finished: Finished): Promise<Ended>;
}

const toolOf = (
  { space, disturbedSince }: Stage,
  { name, grouping, fault }: SoakRun,
  file: string,
  kubeconfig: string | undefined,
  signal: AbortSignal,
): Tool => {
  const began = Date.now();
  const options = kubeconfig === undefined ? {} : { env: { KUBECONFIG: kubeconfig } };
  let drivers = 0;
  const begin = (args: readonly string[]): Started => {
    drivers += 1;
    const started = space.start(['run', '-o', 'json', ...args], options);
    const stop = (): void => void started.child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    void started.finished.then(() => signal.removeEventListener('abort', stop));
    return started;
  };
  const start = (): Started =>
    begin([file, '--name', name, '--pods', grouping, '-w', `counts=pvc=${CLAIM}`, '-w', 'own=claim=8Mi']);
  const resume = (): Started => begin(['--resume', name]);
  const toTheEnd = async (finished: Finished): Promise<Ended> => {
    const complaints: string[] = [];
    for (let last = finished; ; ) {
      const condition = conditionOf(last);
      if (condition !== undefined) return { ...condition, exit: last.code, again: drivers - 1, complaints };
      const killed = last.code === null;
      const expected = killed || fault === 'driver-stopped' || disturbedSince(began) || /RunNotFound/.test(last.stderr);
      if (!expected) complaints.push(`its driver ended with ${last.code}: ${last.stderr.trim().split('\n').at(-1)}`);
      if (drivers >= DRIVERS || signal.aborted) {
        return { status: 'Unknown', reason: 'NoDriver', exit: last.code, again: drivers - 1, complaints };
      }
      if (!killed) await sleep(500, undefined, { signal });
      const neverWas = /RunNotFound/.test(last.stderr);
      last = await (neverWas ? start() : resume()).finished;
    }
  };
  return { start, resume, toTheEnd };
};

/** The end of the run that the tool printed; undefined where it printed none. */
const conditionOf = ({ stdout }: Finished): { readonly status: string; readonly reason: string } | undefined => {
  if (stdout === '') return undefined;
  const { status } = JSON.parse(stdout) as { status: { conditions: readonly [{ status: string; reason: string }] } };
  const [{ status: word, reason }] = status.conditions;
  return { status: word, reason };
};

/** A proxy of its own between the run's driver and the API server, where the fault is one of the network. */
const networkFor = async (
  { space }: Stage,
  { name, fault, after }: SoakRun,
): Promise<{ readonly proxy: Network; readonly kubeconfig: string } | undefined> => {
  if (fault !== 'streams-cut' && fault !== 'api-slow') return undefined;
  const own = JSON.parse(await readFile(join(space.folder, 'runner.kubeconfig'), 'utf8')) as object;
  const proxy = await startProxy(own);
  if (fault === 'api-slow') proxy.delay(200 + after / 10);
  return { proxy, kubeconfig: await space.file(`${name}.kubeconfig`, proxy.kubeconfig) };
};

/** Lets the fault happen; settles when the first driver has ended, or (stopped) the one that took over from it. */
const strikeAt = async (
  { space }: Stage,
  { name, fault, after }: SoakRun,
  first: Started,
  tool: Tool,
  proxy: Network | undefined,
  signal: AbortSignal,
): Promise<Finished> => {
  const { child, finished } = first;
  switch (fault) {
    case 'driver-killed': {
      await Promise.race([sleep(after, undefined, { signal }), finished]);
      child.kill('SIGKILL');
      return finished;
    }
    case 'driver-stopped': {
      await Promise.race([sleep(after, undefined, { signal }), finished]);
      child.kill('SIGSTOP');
      const taken = await tool.resume().finished;
      child.kill('SIGCONT');
      const left = await finished;
      // It had not written its record yet: nothing was there to take over, and it went on.
      return /RunNotFound/.test(taken.stderr) ? left : taken;
    }
    case 'cancelled': {
      let over = false;
      void finished.then(() => {
        over = true;
      });
      await Promise.race([sleep(after, undefined, { signal }), finished]);
      while (!over && (await space.cli(['cancel', name])).code !== 0) await sleep(500, undefined, { signal });
      return finished;
    }
    case 'streams-cut': {
      for (const wait of [after / 2, 1500, 2500]) {
        await Promise.race([sleep(wait, undefined, { signal }), finished]);
        proxy?.cut();
      }
      return finished;
    }
    default:
      return finished;
  }
};
