import { z } from 'zod';
import { WaybillError } from '../../core/index.ts';
import type { Client } from './client.ts';
import { pagesOf } from './pages.ts';

const list = z.object({ tags: z.array(z.string()).nullish() });

/** All tags of the repository, sorted here, as registries differ in their order. Throws `NotFound` without a repository. */
export const listTags = async (client: Client, signal?: AbortSignal): Promise<readonly string[]> => {
  const what = `the tags of ${client.host}/${client.repository}`;
  const to = `${client.repository}/tags/list?n=1000`;
  const found = new Set<string>();
  for await (const { bytes } of pagesOf(client, { method: 'GET', to, action: 'pull', what, accept: [200], signal })) {
    const parsed = list.safeParse(readJson(bytes));
    if (!parsed.success) throw new WaybillError('RegistryError', `${client.host} answers with no list of tags`);
    for (const tag of parsed.data.tags ?? []) found.add(tag);
  }
  return [...found].sort();
};

const readJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};
