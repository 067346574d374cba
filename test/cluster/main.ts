/** `npm run cluster up|down|status|kubeconfig`: the command line of the test cluster; see docs/test-cluster.md. */
import { down } from './down.ts';
import { say } from './say.ts';
import { pathsOf, REGISTRY_PASSWORD, REGISTRY_USER, type Settings, settingsFrom } from './settings.ts';
import { status } from './status.ts';
import { up } from './up.ts';

const USAGE = `usage: npm run cluster up | down [-- --purge] | status | kubeconfig
  up          bring the cluster up, or what of it is down
  down        stop it; --purge deletes its state too, all but the binaries
  status      print each component; exit code 3 unless all are up
  kubeconfig  print the path of the administrator's kubeconfig
environment: WAYBILL_CLUSTER_DIR (folder), WAYBILL_CLUSTER_PORT (first of twelve ports)
`;

const printUp = async (settings: Settings): Promise<number> => {
  const cluster = await up(settings);
  console.log(`KUBECONFIG=${cluster.kubeconfig}`);
  console.log(`registry       ${cluster.registry}`);
  console.log(`registry-auth  ${cluster.registryAuth}  (${REGISTRY_USER} / ${REGISTRY_PASSWORD})`);
  if (cluster.agentImage) console.log(`agent image    ${cluster.agentImage}`);
  return 0;
};

const printStatus = async (settings: Settings): Promise<number> => {
  const all = await status(settings);
  for (const { name, state, pid } of all) console.log(`${name.padEnd(20)} ${state.padEnd(10)} ${pid ?? ''}`.trimEnd());
  return all.every(({ state }) => state === 'up') ? 0 : 3;
};

const main = async ([verb, ...options]: readonly string[]): Promise<number> => {
  const settings = settingsFrom(process.env);
  const purge = verb === 'down' && options.length === 1 && options[0] === '--purge';
  if (options.length > 0 && !purge) {
    process.stderr.write(USAGE);
    return 2;
  }
  switch (verb) {
    case 'up':
      return printUp(settings);
    case 'down':
      await down(settings, { all: purge });
      return 0;
    case 'status':
      return printStatus(settings);
    case 'kubeconfig':
      console.log(pathsOf(settings).kubeconfig);
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
};

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  return 3;
});
