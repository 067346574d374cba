import type { Path } from '../core/index.ts';
import type { Finding } from '../yaml/index.ts';

/** A finding about an object, by its path in it; it gets a file and range where the text is known. */
export interface Found extends Finding {
  readonly path: Path;
}

/** `lint` and packing go on with what cannot run yet; to run, it is an error. */
export type Strictness = 'lint' | 'run';

/** Reports an error. */
export type Report = (code: string, path: Path, message: string, more?: Pick<Found, 'hint' | 'part'>) => void;

/** A list of findings and the function that adds errors to it. */
export const collect = (): { readonly found: Found[]; readonly report: Report } => {
  const found: Found[] = [];
  return {
    found,
    report: (code, path, message, more = {}) => {
      found.push({ code, severity: 'error', path, message, ...more });
    },
  };
};
