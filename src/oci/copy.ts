import { type Digest, hexOf, isWaybillError, limit } from '../core/index.ts';
import { childrenOf, isManifestLike } from './manifest.ts';
import { pushTagged } from './pack.ts';
import { type CopyEvent, counted } from './progress.ts';
import type { Content, Descriptor, Place, Source, Target } from './types.ts';
import { MANIFEST_CAP, readAll } from './verify.ts';

export interface CopyOptions {
  /** Signatures and all else that refers to what is copied go along, and cosign's `.sig` and `.att` tags. */
  readonly referrers?: boolean;
  /** Large blobs on their way at one time; four times as many small ones, whose cost is the round trips. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: CopyEvent) => void;
}

/** Blobs up to this size (bytes) are small. */
const SMALL = 1024 * 1024;
/** How many small blobs take the place of a large one. */
const SMALL_FACTOR = 4;

/**
 * Copies what a reference names, byte for byte, and tags it in the target if a tag is given; returns its descriptor.
 * Children go before parents, referrers after their subject, the tag last: who resolves the tag finds it all. What the
 * target has is not sent again, and between repositories of one registry blobs are mounted. Push, pull, mirror, save
 * and load are this one verb.
 */
export const copy = async (
  source: Source,
  ref: string,
  target: Target,
  tag: string | undefined,
  { referrers = false, concurrency = 6, signal, onEvent = () => {} }: CopyOptions = {},
): Promise<Descriptor> => {
  const large = limit(concurrency);
  const small = limit(concurrency * SMALL_FACTOR);
  const nodes = new Map<Digest, Promise<void>>();
  /** Whether a blob may be had without its bytes: that is tried first, as it serves what is there already too. */
  const mountable = target.place !== undefined && target.place.host === source.place?.host;

  const copyBlob = async (node: Descriptor): Promise<void> => {
    onEvent({ kind: 'started', descriptor: node });
    const done = (state: 'copied' | 'exists' | 'mounted'): void => onEvent({ kind: 'done', descriptor: node, state });
    if (mountable && (await target.mount?.(node, source.place as Place, signal))) return done('mounted');
    if (await target.exists(node, signal)) return done('exists');
    await target.push(node, async () => counted(await source.fetch(node, signal), node, onEvent), signal);
    done('copied');
  };

  /** Copies a node and all below and about it; `named` is the tag that it gets once that is there. */
  const visit = async (node: Descriptor, named?: string): Promise<void> => {
    signal?.throwIfAborted();
    if (!isManifestLike(node.mediaType)) return (node.size > SMALL ? large : small)(() => copyBlob(node));
    const there = await small(() => target.exists(node, signal));
    // A manifest that the target has, has its children there; but their referrers may still be missing.
    if (there && !referrers) {
      onEvent({ kind: 'done', descriptor: node, state: 'exists' });
      return retag(node, named);
    }
    onEvent({ kind: 'started', descriptor: node });
    const bytes = await small(() => readAll(source, node, { cap: MANIFEST_CAP, signal }));
    const content: Content = { descriptor: node, bytes };
    await all(childrenOf(content), (child) => copyNode(child));
    const about = referrers ? await referrersOf(node) : [];
    // With nothing that must come before the tag, the manifest may come by it.
    const atOnce = named !== undefined && !there && about.length === 0;
    if (atOnce) await small(() => pushTagged(target, content, named, signal));
    else if (!there) await small(() => target.push(node, bytes, signal));
    onEvent({ kind: 'done', descriptor: node, state: there ? 'exists' : 'copied' });
    await all(about, async ({ descriptor, name }) => copyNode(descriptor, name));
    if (!atOnce) await retag(node, named);
  };

  const retag = async (node: Descriptor, name: string | undefined): Promise<void> => {
    if (name === undefined) return;
    const now = await small(() => resolveIfThere(target, name, signal));
    if (now?.digest !== node.digest) await small(() => target.tag(node, name, signal));
  };

  const copyNode = async (node: Descriptor, named?: string): Promise<void> => {
    const known = nodes.get(node.digest);
    const running = known ?? visit(node, named);
    nodes.set(node.digest, running);
    await running;
    if (known !== undefined) await retag(node, named);
  };

  const referrersOf = async (subject: Descriptor): Promise<readonly Referrer[]> => {
    const found: Referrer[] = [];
    for await (const descriptor of source.referrers(subject, undefined, signal)) found.push({ descriptor });
    const named = ['sig', 'att'].map(
      (kind) => `${subject.digest.slice(0, subject.digest.indexOf(':'))}-${hexOf(subject.digest)}.${kind}`,
    );
    for (const name of named) {
      const descriptor = await small(() => resolveIfThere(source, name, signal));
      if (descriptor !== undefined) found.push({ descriptor, name });
    }
    return found;
  };

  const root = await source.resolve(ref, signal);
  await copyNode(root, tag);
  return root;
};

/** What refers to a subject, and the tag by which it does where that is cosign's older way. */
interface Referrer {
  readonly descriptor: Descriptor;
  readonly name?: string;
}

/** Waits for every task, also after one failed, so that nothing runs on unseen; then throws the first failure. */
const all = async <T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> => {
  const results = await Promise.allSettled(items.map(task));
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
