import type { Path } from '../core/index.ts';

/** What may stand where a text stands: a text only, one item or several, or any value. */
export type Slot = 'text' | 'item' | 'value';

export interface PlacedText {
  readonly text: string;
  readonly path: Path;
  readonly slot: Slot;
}

/** Lists in which one item may become several: a whole array stands for its elements. */
const SPREADING = ['command', 'args', 'values'];

/**
 * All texts below a value, with their paths. `skip` names fields at its top that hold no variables; a text is in a
 * `text` slot, unless it is an item of `command`, `args` or `values`.
 */
export const textsOf = (value: unknown, path: Path = [], skip: readonly string[] = []): PlacedText[] => {
  const found: PlacedText[] = [];
  const visit = (inner: unknown, at: Path, slot: Slot): void => {
    if (typeof inner === 'string') {
      if (inner.includes('$(')) found.push({ text: inner, path: at, slot });
    } else if (Array.isArray(inner)) {
      const items: Slot = typeof at.at(-1) === 'string' && SPREADING.includes(String(at.at(-1))) ? 'item' : 'text';
      inner.forEach((item, index) => {
        visit(item, [...at, index], items);
      });
    } else if (inner !== null && typeof inner === 'object') {
      for (const [key, entry] of Object.entries(inner)) {
        if (at.length > path.length || !skip.includes(key)) visit(entry, [...at, key], 'text');
      }
    }
  };
  visit(value, path, 'text');
  return found;
};

/** The texts of a param or result value: the whole may be any value, an element of a list one item or several. */
export const textsOfValue = (value: unknown, path: Path): PlacedText[] => {
  if (typeof value === 'string') return textsOf(value, path).map((text) => ({ ...text, slot: 'value' }));
  if (Array.isArray(value)) return textsOf(value, path).map((text) => ({ ...text, slot: 'item' }));
  return textsOf(value, path);
};
