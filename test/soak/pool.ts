import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Memory } from './memory.ts';
import type { Order, Report, Setting } from './messages.ts';

type Drive = Extract<Order, { kind: 'drive' }>;
export type Began = Extract<Report, { kind: 'began' }>;
type Outcome = Extract<Report, { kind: 'ended' | 'broken' }>;

/** The process that drives many runs, as the harness sees it. */
export interface Library {
  /** Drives a run; settles when its driver has ended. `onBegan` is called for each task whose step has started. */
  drive(order: Omit<Drive, 'kind'>, onBegan: (began: Began) => void): Promise<Outcome>;
  /** Of after each run, in the order in which they ended. */
  readonly memory: readonly Memory[];
  end(): Promise<void>;
}

interface Waiting {
  readonly began: (began: Began) => void;
  readonly done: (outcome: Outcome) => void;
}

/** Starts the process; rejects where it does not come up. */
export const startLibrary = async (setting: Setting): Promise<Library> => {
  const child = fork(join(import.meta.dirname, 'library.ts'), [JSON.stringify(setting)], {
    execArgv: ['--expose-gc', '--conditions=@waybill/source'],
    // glibc keeps an arena for each thread, and gives little of it back: what they hold would be taken for a leak.
    env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2' },
  });
  const waiting = new Map<string, Waiting>();
  const memory: Memory[] = [];
  let ready = (): void => undefined;
  const up = new Promise<void>((done, fail) => {
    ready = done;
    child.once('exit', (code) => fail(new Error(`the driver ended with ${code}`)));
  });
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  child.on('message', (report: Report) => {
    switch (report.kind) {
      case 'ready':
        ready();
        return;
      case 'began':
        waiting.get(report.name)?.began(report);
        return;
      case 'ended':
        memory.push(report.memory);
        waiting.get(report.name)?.done(report);
        return;
      case 'broken':
        waiting.get(report.name)?.done(report);
        return;
    }
  });
  child.on('exit', (code, signal) => {
    for (const [name, { done }] of waiting) {
      done({
        kind: 'broken',
        name,
        held: true,
        code: 'Gone',
        message: `the driver of many runs ended: ${signal ?? code}`,
      });
    }
  });
  await up;
  return {
    memory,
    drive: (order, began) =>
      new Promise((settle) => {
        const done = (outcome: Outcome): void => {
          waiting.delete(order.name);
          settle(outcome);
        };
        waiting.set(order.name, { began, done });
        child.send({ kind: 'drive', ...order } satisfies Order);
      }),
    end: async () => {
      if (child.connected) child.send({ kind: 'end' } satisfies Order);
      await gone;
    },
  };
};
