import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, readIfThere, writeAtomic } from './files.ts';
import { bootId } from './processes.ts';
import { BRIDGE, NODE_IP, pathsOf, type Settings } from './settings.ts';
import { run } from './shell.ts';

/** Kernel settings that the kubelet, kube-proxy or we change, and that `down` puts back. */
const SYSCTLS = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/route_localnet',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

const FAMILIES = ['iptables', 'ip6tables'] as const;

/** What the machine was like before us. */
interface Before {
  /** A reboot puts everything back by itself. */
  readonly boot: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** Chains that were there before us, as `family table chain`: they are not ours to delete. */
  readonly chains: readonly string[];
}

const sysctl = (key: string): string => `/proc/sys/${key}`;
const beforeFile = (settings: Settings): string => join(pathsOf(settings).run, 'machine-before.json');

/** A table's rules, as iptables-save prints them. */
interface Table {
  readonly family: (typeof FAMILIES)[number];
  readonly name: string;
  readonly chains: readonly string[];
  readonly rules: readonly string[];
}

/** The tables in the output of iptables-save. */
export const parseTables = (family: Table['family'], text: string): readonly Table[] =>
  text
    .split(/^\*/m)
    .slice(1)
    .map((part) => {
      const lines = part.split('\n');
      return {
        family,
        name: lines[0] ?? '',
        chains: lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1).split(' ')[0] ?? ''),
        rules: lines.filter((line) => line.startsWith('-A ')),
      };
    });

/**
 * Input for `iptables-restore --noflush` that removes Kubernetes' and CNI's chains, and the rules that lead to them, from a
 * table; undefined where there are none. Chains in `keep` were there before us.
 */
export const removal = (table: Table, keep: readonly string[]): string | undefined => {
  const ours = table.chains.filter(
    (chain) => /^(?:KUBE|CNI)-/.test(chain) && !keep.includes(`${table.family} ${table.name} ${chain}`),
  );
  if (ours.length === 0) return undefined;
  const entries = table.rules.filter((rule) => {
    const [, chain, ...words] = rule.split(' ');
    return !ours.includes(chain ?? '') && words.some((word, i) => word === '-j' && ours.includes(words[i + 1] ?? ''));
  });
  return [
    `*${table.name}`,
    ...entries.map((rule) => rule.replace(/^-A/, '-D')),
    ...ours.map((chain) => `-F ${chain}`),
    ...ours.map((chain) => `-X ${chain}`),
    'COMMIT\n',
  ].join('\n');
};

const tables = async (): Promise<Table[]> => {
  const present = FAMILIES.filter((family) => findProgram(`${family}-save`));
  return (
    await Promise.all(present.map(async (family) => parseTables(family, await run(`${family}-save`, []))))
  ).flat();
};

const readBefore = (settings: Settings): Before | undefined => {
  const text = readIfThere(beforeFile(settings));
  const before = text === undefined ? undefined : (JSON.parse(text) as Before);
  return before?.boot === bootId() ? before : undefined;
};

/** Whether the cluster has changed the machine since it booted, and `down` has not put it back yet. */
export const isTouched = (settings: Settings): boolean => readBefore(settings) !== undefined;

const remember = async (settings: Settings): Promise<void> => {
  if (isTouched(settings)) return;
  const sysctls = Object.fromEntries(
    SYSCTLS.flatMap((key) => {
      const value = readIfThere(sysctl(key));
      return value === undefined ? [] : [[key, value.trim()]];
    }),
  );
  const chains = (await tables()).flatMap(({ family, name, chains }) =>
    chains.map((chain) => `${family} ${name} ${chain}`),
  );
  writeAtomic(beforeFile(settings), JSON.stringify({ boot: bootId(), sysctls, chains } satisfies Before));
};

/** Makes the bridge, which carries the node's address, and lets the kernel forward. */
export const ensureNetwork = async (settings: Settings): Promise<void> => {
  await remember(settings);
  writeFileSync(sysctl('net/ipv4/ip_forward'), '1');
  if (!existsSync(`/sys/class/net/${BRIDGE}`)) await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  const addresses = await run('ip', ['-o', 'address', 'show', 'dev', BRIDGE]);
  if (!addresses.includes(` ${NODE_IP}/`)) await run('ip', ['address', 'add', `${NODE_IP}/24`, 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
};

/** Takes out of the kernel what the cluster put there: the bridge and what hangs on it, rules, settings. */
export const removeNetwork = async (settings: Settings): Promise<void> => {
  if (existsSync(`/sys/class/net/${BRIDGE}`)) {
    const links = await run('ip', ['-o', 'link', 'show', 'master', BRIDGE]);
    for (const [, link] of links.matchAll(/^[0-9]+: ([^@:\s]+)/gm))
      await run('ip', ['link', 'delete', link as string], { accept: [1] });
    await run('ip', ['link', 'delete', BRIDGE], { accept: [1] });
  }
  const before = readBefore(settings);
  if (before === undefined) return;
  for (const table of await tables()) {
    const input = removal(table, before.chains);
    if (input) await run(`${table.family}-restore`, ['--noflush'], { input });
  }
  for (const [key, value] of Object.entries(before.sysctls)) {
    if (readIfThere(sysctl(key))?.trim() !== value) writeFileSync(sysctl(key), value);
  }
  rmSync(beforeFile(settings));
};
