import { REGISTRY_PASSWORD, REGISTRY_USER, settingsFrom } from '../cluster/settings.ts';
import { addStandIn } from '../cluster/standin.ts';
import { type Cluster, up, upRegistries } from '../cluster/up.ts';

/** The cluster that tests run on. */
export interface TestCluster {
  /** Path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  /** HOST:PORT of a registry without a password, over plain HTTP; a foreign cluster's pods need not reach it. */
  readonly registry: string;
  /** HOST:PORT of a registry that asks for a password, and who may use it. */
  readonly registryAuth: { readonly host: string; readonly user: string; readonly password: string };
  /** The agent's image by digest. On a foreign cluster that of WAYBILL_AGENT_IMAGE, else undefined. */
  readonly agentImage: string | undefined;
  /** Whether it is the harness' own, or the one that KUBECONFIG names. */
  readonly own: boolean;
}

const publish = (cluster: Cluster, own: boolean): TestCluster => ({
  kubeconfig: cluster.kubeconfig,
  registry: cluster.registry,
  registryAuth: { host: cluster.registryAuth, user: REGISTRY_USER, password: REGISTRY_PASSWORD },
  agentImage: cluster.agentImage,
  own,
});

let cluster: Promise<TestCluster> | undefined;

const find = async (): Promise<TestCluster> => {
  const settings = settingsFrom(process.env);
  const foreign = process.env.KUBECONFIG;
  // Our own kubeconfig in KUBECONFIG, as the documentation tells people to set it, names no foreign cluster.
  const ours = !foreign || foreign === `${settings.dir}/admin.kubeconfig`;
  if (ours) return publish(await up(settings), true);
  const registries = await upRegistries(settings);
  return publish({ ...registries, kubeconfig: foreign, agentImage: process.env.WAYBILL_AGENT_IMAGE }, false);
};

/** The cluster that KUBECONFIG names, else the harness' own, which is brought up if it is not; the registries are ours. */
export const testCluster = (): Promise<TestCluster> => {
  cluster ??= find();
  return cluster;
};

/**
 * Lets pods use `image`, one of the cluster's (`docker.io/library/bash:5.0.18`), where they name `reference`, pinned digest
 * included. False on a foreign cluster, where it cannot be done: the test is skipped then, and says so.
 */
export const standIn = async (reference: string, image: string): Promise<boolean> => {
  if (!(await testCluster()).own) return false;
  await addStandIn(settingsFrom(process.env), reference, image);
  return true;
};
