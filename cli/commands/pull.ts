import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrors, invalidInput } from 'waybill';
import { listBundle, readEntry } from 'waybill/bundle';
import { watched } from 'waybill/oci';
import { parseYaml, renderYaml } from 'waybill/yaml';
import { z } from 'zod';
import type { Command } from '../command.ts';
import { writeNew } from '../files.ts';
import { transferProgress } from '../output/progress.ts';
import { CACHE_OPTION, open, REGISTRY_OPTIONS } from '../stores.ts';

export const command: Command = {
  arguments: [{ name: '<ref>', says: 'a bundle' }],
  options: [
    { flags: '-d, --dir <folder>', says: 'folder to write to, one file an object: KIND-NAME.yaml', required: true },
    { flags: '--overwrite', says: 'replace files that exist' },
    ...REGISTRY_OPTIONS,
    CACHE_OPTION,
  ],
  example: 'waybill pull registry.example/ci/release:1.4.0 -d ./release',
  output: z.object({ digest: z.string(), files: z.array(z.string()) }),
  run: async (context, [text], options) => {
    const { signal } = context;
    const { store: source, ref } = open(text as string, options, context);
    const store = watched(source, transferProgress(context, 'pulling').onEvent);
    const descriptor = await store.resolve(ref, signal);
    const { entries } = await listBundle(store, descriptor, signal);
    const folder = options.dir as string;
    const read = await Promise.all(
      entries.map(async (entry) => {
        // Names come from outside: what is no file name in this folder must not become a path.
        const file = join(folder, `${encodeURIComponent(entry.kind)}-${encodeURIComponent(entry.name)}.yaml`);
        const { documents, diagnostics } = parseYaml(
          Buffer.from(await readEntry(store, entry, signal)).toString('utf8'),
          { file },
        );
        if (hasErrors(diagnostics)) throw invalidInput(diagnostics, `${entry.kind} "${entry.name}"`);
        return { file, content: renderYaml(documents[0]?.value) };
      }),
    );
    await mkdir(folder, { recursive: true });
    for (const { file, content } of read) await writeNew(file, content, { overwrite: options.overwrite === true });
    const files = read.map(({ file }) => file);
    return { data: { digest: descriptor.digest, files }, text: files.join('\n') };
  },
};
