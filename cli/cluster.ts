import { createClient, type KubeClient, loadClusterAccess } from 'waybill/kube';
import { type Clock, clusterClock, createRecordStore, type RecordStore, type RoleName } from 'waybill/runtime';
import type { Context, Option, Options } from './command.ts';
import { holderName, holderText, isGone } from './holder.ts';

/** Options of every command that talks to a cluster. */
export const CLUSTER_OPTIONS: readonly Option[] = [
  { flags: '-n, --namespace <name>', says: "namespace; default: the context's" },
  { flags: '--kubeconfig <file>', says: 'kubeconfig to use instead of KUBECONFIG and ~/.kube/config' },
  { flags: '--context <name>', says: 'context of the kubeconfig' },
];

export interface Connection {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly records: RecordStore;
  /** The cluster's time, whatever this machine's clock says. */
  readonly clock: Clock;
}

/**
 * The cluster that options and environment name; nothing is sent yet. Throws `KubeConfig`. `role` is the Role that the
 * command asks for, where that is not `runner`: hints name it.
 */
export const connect = async ({ env, note }: Context, options: Options, role?: RoleName): Promise<Connection> => {
  const file = options.kubeconfig as string | undefined;
  const context = options.context as string | undefined;
  const access = await loadClusterAccess({
    env,
    home: env.HOME ?? '/',
    ...(file !== undefined && { file }),
    ...(context !== undefined && { context }),
  });
  const client = createClient(access, {
    env: { ...env },
    role,
    onTrouble: ({ code, message }) => note(`${code}: ${message}`),
  });
  const namespace = (options.namespace as string | undefined) ?? access.namespace;
  const clock = clusterClock(client);
  return { client, namespace, records: createRecordStore({ client, clock }), clock };
};

/**
 * Takes over a run that nobody drives any more. A driver that was killed on this machine is known to be gone; of any other
 * the lease is waited for, and a driver that renews it is alive: throws `DriverAlive`.
 */
export const takeOver = (
  { note, signal }: Context,
  { records, namespace }: Connection,
  run: string,
): ReturnType<RecordStore['take']> =>
  records.take(namespace, run, {
    holder: holderName(),
    isGone,
    onWait: ({ holder, milliseconds }) =>
      note(`${run}: waiting for ${holderText(holder)}, at most ${Math.ceil(milliseconds / 1000)} s`),
    signal,
  });
