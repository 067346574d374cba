import type { Edit } from './types.ts';

/** A text with edits put in. Where two overlap, the first is put in and the other left for another time. */
export const applyEdits = (text: string, edits: readonly Edit[]): string => {
  let done = '';
  let at = 0;
  for (const { range, text: instead } of edits.toSorted((a, b) => a.range.start.offset - b.range.start.offset)) {
    if (range.start.offset < at) continue;
    done += text.slice(at, range.start.offset) + instead;
    at = range.end.offset;
  }
  return done + text.slice(at);
};
