import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAgent, pushAgentImage } from '../../scripts/agent-image.ts';
import {
  type ContainerConfig,
  imageOf,
  openRegistry,
  pushImage,
  type TarEntry,
  tarLayer,
} from '../../src/oci/index.ts';
import { findProgram, readIfThere, writeAtomic } from './files.ts';
import { busybox, pause, tools } from './rootfs.ts';
import { say, saying } from './say.ts';
import type { Settings } from './settings.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** What the cluster's registry holds. */
export interface Images {
  /** The agent's image by digest, or undefined where the clone has no agent. */
  readonly agent: string | undefined;
}

interface StepImage {
  /** REPOSITORY:TAG: the names under which containerd asks for it, its host dropped. */
  readonly names: readonly string[];
  readonly config: ContainerConfig;
  readonly files: () => Promise<readonly TarEntry[]>;
  /** The image is made anew when one of these files, of the clone or of the machine, changes. */
  readonly from: readonly string[];
}

const PATH = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
const HERE = import.meta.dirname;
const ROOTFS = join(HERE, 'rootfs.ts');
/** A change in how layers are written makes every image anew. */
const OCI = ['tar', 'gzip', 'image', 'manifest'].map((name) => join(ROOT, `src/oci/${name}.ts`));

/** Our own images, and stand-ins for public ones that tests name. */
const images = (): Readonly<Record<string, StepImage>> => ({
  pause: {
    names: ['pause:3.10'],
    config: { User: '65535:65535', Entrypoint: ['/pause'] },
    files: pause,
    from: [join(HERE, 'images/pause/main.go')],
  },
  busybox: {
    names: ['library/busybox:1.36', 'library/busybox:latest'],
    config: { Env: PATH, Cmd: ['sh'] },
    files: busybox,
    from: [findProgram('busybox') as string],
  },
  tools: {
    names: ['library/alpine:3.12', 'library/bash:5.0.18', 'jpmaida1/jq:latest'],
    config: { Env: PATH, Cmd: ['sh'] },
    files: tools,
    from: ['busybox', 'bash', 'jq'].map((name) => findProgram(name) as string),
  },
});

const hashOf = (files: readonly string[]): string => {
  const hash = createHash('sha256').update(process.arch);
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
};

/** Makes something once for each state of its sources; what is noted has been pushed. */
const once = async (settings: Settings, name: string, hash: string, make: () => Promise<string>): Promise<string> => {
  const note = join(settings.dir, 'images', `${name}-${hash}`);
  const noted = readIfThere(note)?.trim();
  if (noted) return noted;
  const made = await make();
  writeAtomic(note, `${made}\n`);
  return made;
};

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

const ensureStepImages = async (settings: Settings, host: string): Promise<void> => {
  for (const [name, { names, config, files, from }] of Object.entries(images())) {
    await once(settings, name, hashOf([...from, ROOTFS, join(HERE, 'images.ts'), ...OCI]), async () => {
      say(`building image ${names.join(', ')}`);
      const image = imageOf({ layers: [{ tar: tarLayer(await files()) }], config, architecture });
      for (const full of names) {
        const [repository = '', tag = ''] = full.split(':');
        await pushImage(openRegistry(host, repository), image, { tag });
      }
      return image.manifest.descriptor.digest;
    });
  }
};

const ensureAgent = async (settings: Settings, host: string): Promise<string | undefined> => {
  const source = join(ROOT, 'agent');
  if (!existsSync(join(source, 'cmd/supervisor'))) return undefined;
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('_test.go'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = hashOf([...files, join(ROOT, 'scripts/agent-image.ts'), ...OCI]);
  const digest = await once(settings, 'agent', hash, () =>
    saying('building the agent for amd64 and arm64 (a minute the first time)', async () => {
      await buildAgent();
      return (await pushAgentImage(openRegistry(host, 'waybill/agent'), hash)).digest;
    }),
  );
  return `${host}/waybill/agent@${digest}`;
};

/** Builds the images that the cluster's registry lacks, with Waybill's own code, and pushes them. */
export const ensureImages = async (settings: Settings): Promise<Images> => {
  const host = `127.0.0.1:${settings.ports.registry}`;
  await ensureStepImages(settings, host);
  return { agent: await ensureAgent(settings, host) };
};
