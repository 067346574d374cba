import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError, messageOf } from '../../core/index.ts';
import type { Stored } from '../../kube/index.ts';
import { Inbox } from '../inbox.ts';
import type { Observation, ObserveOptions, PodHandle, RunRef } from '../types.ts';
import { endInjected, isHeldUp } from './injected.ts';
import { handleOf } from './labels.ts';
import { supervisorStarts } from './starts.ts';
import { type Observer, PodStory } from './story.ts';

/**
 * The story of a run's pods: one watch over all of them, and for each the log of its supervisor, opened when the watch
 * shows it running. The log is believed before the status, which lags behind; what the log leaves open when it has ended,
 * the status decides. Until the log can be read the supervisor's output is heard live, if that is allowed: a short pod has
 * told everything by then.
 */
export async function* observeRun(
  observer: Observer,
  run: RunRef,
  { plan, ignore, signal }: ObserveOptions,
): AsyncGenerator<Observation> {
  const out = new Inbox<Observation>();
  const stories = new Map<string, PodStory>();
  const told: Promise<void>[] = [];
  let present: PodHandle[] | undefined = [];
  const said = new Set<string>();
  const shared = {
    attach: true,
    say: (code: string, message: string): void =>
      out.push({ kind: 'notice', notice: { code, message, pod: null, at: observer.now() } }),
    sayOnce: (code: string, message: string): void => {
      if (!said.has(code)) shared.say(code, message);
      said.add(code);
    },
  };
  const over = new AbortController();
  const within = AbortSignal.any([signal, over.signal]);
  const see = (pod: Stored<Pod>, deleted: boolean): void => {
    const handle = handleOf(run, pod.metadata);
    if (handle === undefined) return;
    if (!deleted) present?.push(handle);
    if (ignore?.has(handle.uid)) {
      // Told to an earlier driver, which may not have come to this.
      if (!deleted && isHeldUp(pod)) told.push(endInjected(observer.client, run, handle).catch(() => undefined));
      return;
    }
    const known = stories.get(handle.uid);
    const story = known ?? new PodStory({ observer, run, plan, handle, out, shared, signal: within });
    story.see(pod, deleted);
    if (known !== undefined) return;
    if (present === undefined && !deleted) out.push({ kind: 'appeared', pod: handle });
    stories.set(handle.uid, story);
    told.push(story.tell().catch((error: unknown) => out.close({ error })));
  };
  const leave = observer.feed.listen({
    pod: (pod, change) => see(pod, change === 'deleted'),
    synced: () => {
      out.push({ kind: 'present', pods: present ?? [] });
      present = undefined;
    },
    // One cut is nothing; a server that stays away is worth a word.
    broken: (error, count) => {
      if (count === 3) shared.say(isWaybillError(error) ? error.code : 'Broken', messageOf(error));
    },
    failed: (error) => out.close({ error }),
  });
  signal.addEventListener('abort', () => out.close(), { once: true });
  const hear = async (): Promise<void> => {
    for await (const uid of supervisorStarts(observer.client, run, within)) {
      if (!shared.attach) return;
      stories
        .get(uid)
        ?.hear()
        .catch((error: unknown) => out.close({ error }));
    }
  };
  hear().catch((error: unknown) => out.close({ error }));
  try {
    if (!signal.aborted) yield* out;
  } finally {
    over.abort();
    leave();
    await Promise.all(told);
  }
}
