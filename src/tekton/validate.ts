import type { Found, Strictness } from './finding.ts';
import { findUnsupported } from './support.ts';
import type { TektonObject } from './types.ts';

export const validate = (object: TektonObject, strictness: Strictness): Found[] => findUnsupported(object, strictness);
