import type { Path } from '../core/index.ts';
import type { Found, Report } from './finding.ts';

/** An object of a document before it has a type. */
export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** A copy of an object that is edited field by field, and remembers where its fields came from. */
export class Editor {
  readonly #value: Record<string, unknown>;
  readonly #origins: { readonly to: Path; readonly from: Path }[] = [];
  readonly #report: Report;
  readonly #found: Found[];

  constructor(input: Fields, report: Report, found: Found[]) {
    this.#value = structuredClone(input) as Record<string, unknown>;
    this.#report = report;
    this.#found = found;
  }

  get value(): unknown {
    return this.#value;
  }

  has(path: Path): boolean {
    return this.#get(path) !== undefined;
  }

  /** The object at a path; undefined where there is none. */
  fields(path: Path): Fields | undefined {
    const value = this.#get(path);
    return isFields(value) ? value : undefined;
  }

  /** The paths of a list's items; none where there is no list. */
  items(path: Path): Path[] {
    const list = this.#get(path);
    return Array.isArray(list) ? list.map((_, index) => [...path, index]) : [];
  }

  /** Sets a field of an object; does nothing where the path up to it leads through something else. */
  set(path: Path, value: unknown): void {
    const parent = this.#parent(path);
    if (parent !== undefined) parent[path.at(-1) as string | number] = value;
  }

  /** Moves a field if it is there; the objects that lead to its new place are made. A field that is there already stays. */
  move(from: Path, to: Path): void {
    const value = this.#get(from);
    if (value === undefined || this.has(to)) return;
    this.#remove(from);
    to.slice(0, -1).forEach((_, index) => {
      const above = to.slice(0, index + 1);
      if (!this.has(above)) this.set(above, {});
    });
    this.set(to, value);
    this.cameFrom(to, from);
  }

  /** Says where a path of the edited object, and all below it, stands in the text. */
  cameFrom(to: Path, from: Path): void {
    this.#origins.push({ to, from });
  }

  /** Reports a field if it is there, and takes it out. */
  refuse(path: Path, code: string, message: string): void {
    if (!this.has(path)) return;
    this.#report(code, path, message, { part: 'key' });
    this.#remove(path);
  }

  /** Takes a field out if it is there, with a warning. */
  drop(path: Path, message: string): void {
    if (!this.has(path)) return;
    this.#found.push({ code: 'dropped-field', severity: 'warning', path, message, part: 'key' });
    this.#remove(path);
  }

  /** Where a path of the edited object stands in the text. */
  originOf(path: Path): Path {
    const origin = this.#origins.find(({ to }) => to.every((part, index) => path[index] === part));
    return origin === undefined ? path : [...origin.from, ...path.slice(origin.to.length)];
  }

  #get(path: Path): unknown {
    return path.reduce<unknown>(
      (inner, part) =>
        inner !== null && typeof inner === 'object' && Object.hasOwn(inner, part)
          ? (inner as Record<string | number, unknown>)[part]
          : undefined,
      this.#value,
    );
  }

  #parent(path: Path): Record<string | number, unknown> | undefined {
    const parent = this.#get(path.slice(0, -1));
    return isFields(parent) ? (parent as Record<string | number, unknown>) : undefined;
  }

  #remove(path: Path): void {
    const parent = this.#parent(path);
    if (parent !== undefined) delete parent[path.at(-1) as string | number];
  }
}
