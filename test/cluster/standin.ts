import { pathsOf, type Settings } from './settings.ts';
import { run } from './shell.ts';

/** `bash:5@sha256:…` as containerd stores it: with the registry and the folder that a short name stands for, without the tag. */
export const storedName = (reference: string): string => {
  const [name = '', digest] = reference.split('@');
  const first = name.split('/')[0] ?? '';
  const hasHost = name.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost ? name : `docker.io/${name.includes('/') ? name : `library/${name}`}`;
  const tagged = /:[^/]*$/.test(path);
  if (digest === undefined) return tagged ? path : `${path}:latest`;
  return `${tagged ? path.slice(0, path.lastIndexOf(':')) : path}@${digest}`;
};

/**
 * Makes the node hold `image`, one of the cluster's, under the name `reference` too, digest included. A registry cannot
 * serve content under another content's digest; but the kubelet pulls a pinned image only if the node has none of that
 * name, and containerd believes what its image records say.
 */
export const addStandIn = async (settings: Settings, reference: string, image: string): Promise<void> => {
  const { socket, hosts } = pathsOf(settings);
  const images = ['--address', socket, '--namespace', 'k8s.io', 'images'];
  const from = storedName(image);
  await run('ctr', [...images, 'pull', '--hosts-dir', hosts, from]);
  await run('ctr', [...images, 'tag', '--force', from, storedName(reference)]);
};
