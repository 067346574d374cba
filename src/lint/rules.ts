import { missingDescription, missingVersion, oldVersion } from './rules/metadata.ts';
import { hostPath, literalSecret, privilegedStep } from './rules/power.ts';
import { literalPath, paramInScript } from './rules/script.ts';
import { floatingImage, unpinnedImage } from './rules/unpinned-image.ts';
import { unusedParam, unusedWorkspace, unwrittenResult } from './rules/unused.ts';
import type { Rule } from './types.ts';

/** All rules. A new one is a function in `rules/`, a line here, and two files in `fixtures/lint`. */
export const RULES: readonly Rule[] = [
  unpinnedImage,
  floatingImage,
  paramInScript,
  literalPath,
  unusedParam,
  unusedWorkspace,
  unwrittenResult,
  privilegedStep,
  hostPath,
  literalSecret,
  missingDescription,
  missingVersion,
  oldVersion,
];
