import { type Digest, hexOf, isWaybillError, limit } from '../core/index.ts';
import { childrenOf, isManifestLike } from './manifest.ts';
import type { Descriptor, Source, Target } from './types.ts';
import { MANIFEST_CAP, readAll } from './verify.ts';

/** What happened to one node of a copied graph. */
export interface CopyEvent {
  readonly descriptor: Descriptor;
  /** `exists`: the target had it, and nothing was sent. */
  readonly state: 'copied' | 'exists';
}

export interface CopyOptions {
  /** Signatures and all else that refers to what is copied go along, and cosign's `.sig` and `.att` tags. */
  readonly referrers?: boolean;
  /** Nodes on their way at one time. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onNode?: (event: CopyEvent) => void;
}

/**
 * Copies what a reference names, byte for byte, and tags it in the target if a tag is given; returns its descriptor.
 * Children go before parents, referrers after their subject, the tag last: who resolves the tag finds it all. What the
 * target has is not sent again. Push, pull, mirror, save and load are this one verb.
 */
export const copy = async (
  source: Source,
  ref: string,
  target: Target,
  tag: string | undefined,
  { referrers = false, concurrency = 6, signal, onNode = () => {} }: CopyOptions = {},
): Promise<Descriptor> => {
  const gate = limit(concurrency);
  const nodes = new Map<Digest, Promise<void>>();

  const copyBlob = async (node: Descriptor): Promise<void> => {
    if (await target.exists(node, signal)) return onNode({ descriptor: node, state: 'exists' });
    await target.push(node, await source.fetch(node, signal), signal);
    onNode({ descriptor: node, state: 'copied' });
  };

  const visit = async (node: Descriptor): Promise<void> => {
    signal?.throwIfAborted();
    if (!isManifestLike(node.mediaType)) return gate(() => copyBlob(node));
    const there = await gate(() => target.exists(node, signal));
    // A manifest that the target has, has its children there; but their referrers may still be missing.
    if (there && !referrers) return onNode({ descriptor: node, state: 'exists' });
    const bytes = await gate(() => readAll(source, node, { cap: MANIFEST_CAP, signal }));
    await all(childrenOf({ descriptor: node, bytes }), copyNode);
    if (!there) await gate(() => target.push(node, bytes, signal));
    onNode({ descriptor: node, state: there ? 'exists' : 'copied' });
    if (referrers) await visitReferrers(node);
  };

  const copyNode = (node: Descriptor): Promise<void> => {
    const running = nodes.get(node.digest) ?? visit(node);
    nodes.set(node.digest, running);
    return running;
  };

  const visitReferrers = async (subject: Descriptor): Promise<void> => {
    const found: Descriptor[] = [];
    for await (const referrer of source.referrers(subject, undefined, signal)) found.push(referrer);
    await all(found, copyNode);
    for (const kind of ['sig', 'att']) {
      const name = `${subject.digest.slice(0, subject.digest.indexOf(':'))}-${hexOf(subject.digest)}.${kind}`;
      const signature = await resolveIfThere(source, name, signal);
      if (signature === undefined) continue;
      await copyNode(signature);
      await target.tag(signature, name, signal);
    }
  };

  const root = await source.resolve(ref, signal);
  await copyNode(root);
  if (tag !== undefined) await target.tag(root, tag, signal);
  return root;
};

/** Waits for every task, also after one failed, so that nothing runs on unseen; then throws the first failure. */
const all = async (nodes: readonly Descriptor[], task: (node: Descriptor) => Promise<void>): Promise<void> => {
  const results = await Promise.allSettled(nodes.map(task));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
};

const resolveIfThere = async (source: Source, ref: string, signal?: AbortSignal): Promise<Descriptor | undefined> => {
  try {
    return await source.resolve(ref, signal);
  } catch (error) {
    if (isWaybillError(error, 'NotFound')) return undefined;
    throw error;
  }
};
