import type { Settings } from './settings.ts';

/** What the cluster's registry holds. */
export interface Images {
  readonly agent: string | undefined;
}

export const ensureImages = async (_settings: Settings): Promise<Images> => ({ agent: undefined });
