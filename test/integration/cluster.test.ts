import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminApi } from '../cluster/api.ts';
import { purge } from '../cluster/down.ts';
import { locked } from '../cluster/lock.ts';
import { owned, processOf, start, stop } from '../cluster/processes.ts';
import { pathsOf, type Settings, settingsFrom } from '../cluster/settings.ts';
import { run, until } from '../cluster/shell.ts';
import { status } from '../cluster/status.ts';
import { up } from '../cluster/up.ts';
import { standIn, testCluster } from '../support/cluster.ts';

const BUSYBOX = 'docker.io/library/busybox:1.36';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('processes (as root)', () => {
  let settings: Settings;
  beforeAll(() => {
    settings = { ...settingsFrom({}), dir: mkdtempSync(join(tmpdir(), 'waybill-cluster-')) };
  });
  afterAll(() => rmSync(settings.dir, { recursive: true, force: true }));

  const identity = (name: string): string => join(pathsOf(settings).run, `${name}.json`);
  const sleeper = { name: 'sleeper', argv: ['/bin/sleep', '600'], hash: 'h' };

  test('a process is known by its start, marked, and stopped', async () => {
    await start(settings, sleeper);
    const found = processOf(settings, 'sleeper');
    expect(found?.hash).toBe('h');
    await until('it is sleep', async () => owned().some(({ pid, dir }) => pid === found?.pid && dir === settings.dir), {
      seconds: 5,
    });
    await stop(settings, 'sleeper');
    expect(processOf(settings, 'sleeper')).toBeUndefined();
    expect(owned().filter(({ dir }) => dir === settings.dir)).toEqual([]);
  });

  test('a process that does not want to end is killed', async () => {
    await start(settings, { ...sleeper, argv: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 600; done'] });
    const pid = processOf(settings, 'sleeper')?.pid;
    await until('the trap is set', async () => ignoresTerm(pid as number), { seconds: 5 });
    await stop(settings, 'sleeper', 0.2);
    expect(processOf(settings, 'sleeper')).toBeUndefined();
    for (const { pid, dir } of owned()) if (dir === settings.dir) process.kill(pid, 'SIGKILL');
  });

  test.each([
    ['another start', { start: '1' }],
    ['another boot', { boot: 'another' }],
  ])('a stale pid that is another program is not killed: %s', async (_, change) => {
    await start(settings, sleeper);
    const record = readFileSync(identity('sleeper'), 'utf8');
    writeFileSync(identity('sleeper'), JSON.stringify({ ...JSON.parse(record), ...change }));
    expect(processOf(settings, 'sleeper')).toBeUndefined();
    await stop(settings, 'sleeper');
    expect(existsSync(identity('sleeper'))).toBe(false);
    writeFileSync(identity('sleeper'), record);
    expect(processOf(settings, 'sleeper')).toBeDefined();
    await stop(settings, 'sleeper');
  });

  test.each(['', '{', '{"pid":"1"}', '{"pid":-1,"start":"0","boot":""}'])(
    'a broken record is no process: %s',
    (text) => {
      mkdirSync(pathsOf(settings).run, { recursive: true });
      writeFileSync(identity('sleeper'), text);
      expect(processOf(settings, 'sleeper')).toBeUndefined();
    },
  );

  test('a folder that is not ours, or holds a mount, is not deleted', async () => {
    const { marker, bin } = pathsOf(settings);
    const mount = join(settings.dir, 'kubelet', 'volume with blank');
    mkdirSync(mount, { recursive: true });
    mkdirSync(bin, { recursive: true });
    expect(() => purge(settings)).toThrow();
    writeFileSync(marker, '');
    await run('mount', ['-t', 'tmpfs', 'tmpfs', mount]);
    try {
      expect(() => purge(settings)).toThrow();
      expect(existsSync(mount)).toBe(true);
    } finally {
      await run('umount', [mount]);
    }
    purge(settings);
    expect([existsSync(mount), existsSync(marker), existsSync(bin)]).toEqual([false, false, true]);
  });

  test('the lock keeps two apart, and dies with its holder', async () => {
    const file = join(settings.dir, 'lock');
    let inside = 0;
    const work = async (): Promise<number> => {
      inside += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return inside--;
    };
    expect(await Promise.all([locked(work, file), locked(work, file), locked(work, file)])).toEqual([1, 1, 1]);
    const module = join(import.meta.dirname, '../cluster/lock.ts');
    const script = `import { locked } from '${module}'; await locked(() => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)); }, '${file}')`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    holder.kill('SIGKILL');
    expect(await locked(work, file)).toBe(1);
  });
});

const ignoresTerm = (pid: number): boolean => {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (BigInt(`0x${mask}`) & (1n << 14n)) !== 0n;
};

const settings = settingsFrom(process.env);
const foreign = Boolean(process.env.KUBECONFIG) && process.env.KUBECONFIG !== pathsOf(settings).kubeconfig;

describe.skipIf(!root || foreign)('the cluster of the harness (as root, without KUBECONFIG)', () => {
  const api = adminApi(settings);
  beforeAll(async () => {
    await testCluster();
  }, 600_000);
  afterAll(() => api.close());

  const pids = async (): Promise<Record<string, number | undefined>> =>
    Object.fromEntries((await status(settings)).map(({ name, pid }) => [name, pid]));
  const name = `harness-${process.pid}`;
  const pod = (suffix: string, image: string, command: readonly string[], claim?: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-${suffix}` },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'step', image, command, ...(claim && { volumeMounts: [{ name: 'data', mountPath: '/data' }] }) },
      ],
      ...(claim && { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
    },
  });
  const PODS = '/api/v1/namespaces/default/pods';
  const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
  const succeeds = async (object: ReturnType<typeof pod>): Promise<void> => {
    await api.ensure(PODS, object);
    const path = `${PODS}/${object.metadata.name}`;
    try {
      await until(
        `${object.metadata.name} succeeded`,
        async () => (await api.get(path))?.status?.phase === 'Succeeded',
        {
          seconds: 60,
        },
      );
    } finally {
      await api.call('DELETE', path);
    }
  };

  test('up changes nothing where all is up', async () => {
    const before = await pids();
    expect(Object.values(before)).not.toContain(undefined);
    await up(settings);
    expect(await pids()).toEqual(before);
  });

  test('up repairs what was killed, and only that', async () => {
    const { scheduler, ...others } = await pids();
    process.kill(scheduler as number, 'SIGKILL');
    await until('it is down', async () => processOf(settings, 'scheduler') === undefined, { seconds: 10 });
    expect((await status(settings)).find(({ name }) => name === 'scheduler')?.state).toBe('down');
    await up(settings);
    const { scheduler: repaired, ...same } = await pids();
    expect(repaired).toBeTypeOf('number');
    expect(repaired).not.toBe(scheduler);
    expect(same).toEqual(others);
  });

  test('a pod with the busybox image runs', () => succeeds(pod('plain', BUSYBOX, ['sh', '-c', 'test -x /bin/ls'])));

  test('an image pinned to a digest that no stand-in has', async () => {
    const reference = `docker.io/library/bash:5.0.18@sha256:${'5'.repeat(64)}`;
    expect(await standIn(reference, 'docker.io/library/bash:5.0.18')).toBe(true);
    await succeeds(pod('pinned', reference, ['bash', '-c', '[[ $(jq -n 1+1) == 2 ]]']));
  });

  test('a claim of the default class gets a volume, and loses it', async () => {
    const claim = `${name}-claim`;
    await api.ensure(CLAIMS, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    });
    const stored = await api.get(`${CLAIMS}/${claim}`);
    const folder = join(pathsOf(settings).volumes, `pvc-${stored?.metadata.uid}`);
    await succeeds(pod('writer', BUSYBOX, ['sh', '-c', 'echo kept > /data/file'], claim));
    expect(statSync(folder).mode & 0o777).toBe(0o777);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('kept\n');
    await api.call('DELETE', `${CLAIMS}/${claim}`);
    await until('the folder is gone', async () => !existsSync(folder), { seconds: 30 });
  });
});
