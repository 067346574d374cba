import { isWaybillError, limit, WaybillError } from 'waybill';
import { deleteOrphans, findOrphans } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, type Connection, connect } from '../cluster.ts';
import type { Command, Context } from '../command.ts';
import { runName } from '../run-name.ts';
import { sweep, sweepRule } from '../sweep.ts';

/** Runs that are deleted side by side: each waits until all that it owned is gone. */
const AT_ONCE = 8;

export const command: Command = {
  arguments: [{ name: '[run...]', says: 'names of runs: with all that they own, also while they run' }],
  options: [
    {
      flags: '--older-than <duration>',
      says: 'runs that ended longer ago than this (7d, 36h, 90m); never one that is not over',
    },
    {
      flags: '--keep <n>',
      says: 'runs that are over, but for the n that ended last; with --older-than only those that both let go',
    },
    { flags: '--orphans', says: 'pods, claims and secrets of runs whose record is gone' },
    { flags: '--dry-run', says: 'say what would go, and delete nothing' },
    ...CLUSTER_OPTIONS,
  ],
  example: 'waybill delete release-x7k2p\nwaybill delete --older-than 7d --keep 20 --dry-run',
  output: z.object({
    dryRun: z.boolean(),
    deleted: z.array(z.string()).describe('runs; with --dry-run those that would be'),
    running: z.int().describe('runs that are not over, and so were left out'),
    orphans: z.array(z.object({ kind: z.string(), name: z.string(), run: z.string() })),
  }),
  run: async (context, [named = []], options) => {
    const rule = sweepRule(options.olderThan as string | undefined, options.keep as string | undefined);
    const names = [...new Set(named as readonly string[])].map(runName);
    const swept = rule !== undefined || options.orphans === true;
    if (names.length === 0 && !swept) {
      throw new WaybillError('Usage', 'nothing to delete', {
        hint: 'name runs, or choose them by --older-than, --keep or --orphans',
      });
    }
    if (names.length > 0 && swept)
      throw new WaybillError('Usage', 'runs are either named or chosen', { hint: `leave out ${names.join(' ')}` });
    const connection = await connect(context, options);
    const { client, records, namespace, clock } = connection;
    const dryRun = options.dryRun === true;
    const all = rule === undefined ? [] : await records.list(namespace, context.signal);
    const chosen = rule === undefined ? names : sweep(all, rule, clock.now()).map(({ name }) => name);
    if (dryRun) for (const name of names) await records.look(namespace, name, context.signal);
    else await deleteAll(context, connection, chosen, rule === undefined);
    const found = options.orphans === true ? await findOrphans(client, namespace, context.signal) : [];
    if (!dryRun) await deleteOrphans(client, namespace, found, context.signal);
    const running = all.filter(({ finished }) => finished === null).length;
    const orphans = found.map(({ kind, name, run }) => ({ kind, name, run }));
    const done = dryRun ? 'would be deleted' : 'deleted';
    const lines = [
      ...chosen.map((name) => `${name} ${done}`),
      ...orphans.map(({ kind, name, run }) => `${kind}/${name} of ${run} ${done}`),
      ...(running === 0 ? [] : [`${running} not over: left`]),
    ];
    return { data: { dryRun, deleted: chosen, running, orphans }, text: lines.join('\n') || 'nothing to delete' };
  },
};

/** As kubectl does: one that cannot be deleted does not keep the others. One that somebody else deletes meanwhile is gone, too. */
const deleteAll = async (
  context: Context,
  { records, namespace }: Connection,
  names: readonly string[],
  named: boolean,
): Promise<void> => {
  const deleted: string[] = [];
  const failures: unknown[] = [];
  const within = limit(AT_ONCE);
  await Promise.all(
    names.map((name) =>
      within(async () => {
        if (context.signal.aborted) return;
        await records.delete(namespace, name, context.signal).then(
          () => deleted.push(name),
          (error: unknown) => {
            if (named || !isWaybillError(error, 'RunNotFound')) failures.push(error);
          },
        );
      }),
    ),
  );
  context.signal.throwIfAborted();
  if (failures.length === 0) return;
  for (const name of deleted) context.note(`${name} deleted`);
  throw failures[0];
};
