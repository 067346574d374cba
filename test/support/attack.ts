import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageOf, openRegistry, pushImage, tarLayer } from '../../src/oci/index.ts';
import { busybox } from '../cluster/rootfs.ts';
import { run } from '../cluster/shell.ts';
import type { TestNamespace } from './namespace.ts';

/** Pushes busybox with our own attacker: `attack`, and `attack-root`, the same as a setuid program. The result is its name. */
export const pushAttacker = async ({ cluster, name }: TestNamespace): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-attack-'));
  try {
    const program = join(folder, 'attack');
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid='];
    const cwd = join(import.meta.dirname, 'attack');
    await run('go', ['build', ...flags, '-o', program, '.'], { cwd, env: { ...process.env, CGO_ENABLED: '0' } });
    const content = await readFile(program);
    const tar = tarLayer([
      ...(await busybox()),
      { kind: 'file', path: 'bin/attack', mode: 0o755, content },
      { kind: 'file', path: 'bin/attack-root', mode: 0o4755, content },
    ]);
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const image = imageOf({ layers: [{ tar }], architecture, config: { Cmd: ['sh'] } });
    await pushImage(openRegistry(cluster.registry, `${name}/attack`), image, {});
    return `${cluster.registry}/${name}/attack@${image.manifest.descriptor.digest}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
