import { backoff } from '../core/index.ts';

/** What a look at a log brought: one connection to it. */
export interface Look {
  /** What ended it, where it did not end by itself. */
  readonly failure?: unknown;
  /** The kubelet's own words, which stood in place of lines or behind them. */
  readonly words: string;
  /** How many lines were new. */
  readonly lines: number;
  /** When the last of them had been taken, or the look began: `performance.now()`. */
  readonly since: number;
}

const BACKOFF = { base: 500, cap: 5000 };
/** Between two looks at a log that cannot be followed: longer and longer while there is nothing new. */
const POLL = { base: 1000, cap: 5000 };
/** After so many looks it is tried to follow again. */
const FOLLOW_AGAIN = 12;

/** What the kubelet says where it cannot follow, with status 200 and after what there is of the log. */
const NO_FOLLOW = /^failed to (?:create fsnotify watcher|watch directory)/;

/** Whether the kubelet says that it can read a log, and not follow it: its inotify instances or watches are used up. */
export const cannotFollow = (words: string): boolean => NO_FOLLOW.test(words);

/** When a log is looked at, and how. */
export const logRhythm = () => {
  let breaks = 0;
  let empty = 0;
  /** Looks since the last try to follow; undefined while it is followed. */
  let polls: number | undefined;
  let told = false;
  return {
    /** Whether the next look follows the log of a container that runs. */
    follows: (): boolean => polls === undefined || polls >= FOLLOW_AGAIN,
    /** Milliseconds until the next look, and whether it is news that this log cannot be followed. */
    after: ({ failure, words, lines }: Look): { readonly delay: number; readonly polled: boolean } => {
      const refused = cannotFollow(words);
      if (refused) polls = 0;
      else if (polls !== undefined) polls = polls >= FOLLOW_AGAIN ? undefined : polls + 1;
      const polled = refused && !told;
      told ||= refused;
      empty = lines > 0 ? 0 : empty + 1;
      if (polls !== undefined && failure === undefined) {
        return { delay: Math.min(POLL.base * Math.max(empty, 1), POLL.cap), polled };
      }
      breaks = lines > 0 ? 1 : breaks + 1;
      return { delay: Math.max(BACKOFF.base, backoff(breaks, Math.random(), BACKOFF)), polled };
    },
  };
};
