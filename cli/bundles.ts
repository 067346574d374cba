import { type Diagnostic, hasErrors, invalidInput, WaybillError } from 'waybill';
import { type Bundle, type PackObject, packBundle } from 'waybill/bundle';
import { checkTogether, type Loaded, type LoadedObject, loadObjects } from 'waybill/tekton';
import type { Context, Option, Options } from './command.ts';
import { findFiles, readText } from './files.ts';
import { renderDiagnostic } from './output/diagnostic.ts';

/** Options of commands that pack files. */
export const PACK_OPTIONS: readonly Option[] = [
  { flags: '--annotate <key=value>', says: 'an annotation of the manifest', repeat: true },
  { flags: '--tkn-compat', says: "Docker's media types and short apiVersions, as `tkn bundle push` writes them" },
];

/** All objects of files and folders, with every finding about each and about how they fit together. */
export const loadFiles = async (
  { stdin }: Context,
  paths: readonly string[],
  strictness: 'run' | 'lint',
): Promise<{
  readonly objects: readonly LoadedObject[];
  readonly diagnostics: readonly Diagnostic[];
  /** Each file's text, by its name. */
  readonly texts: ReadonlyMap<string, string>;
}> => {
  const texts = new Map<string, string>();
  const loaded: Loaded[] = [];
  for (const file of await findFiles(paths)) {
    const text = await readText(file, stdin);
    texts.set(file, text);
    loaded.push(loadObjects(text, file, { strictness }));
  }
  const objects = loaded.flatMap((one) => one.objects);
  const diagnostics = [...loaded.flatMap((one) => one.diagnostics), ...checkTogether(objects)];
  return { objects, diagnostics, texts };
};

/** The bundle of files and folders. What cannot run yet is a warning here: others may run it. Throws `InvalidInput`. */
export const packFiles = async (context: Context, paths: readonly string[], options: Options): Promise<Bundle> => {
  const { objects, diagnostics } = await loadFiles(context, paths, 'lint');
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, paths.join(' '));
  const epoch = context.env.SOURCE_DATE_EPOCH;
  const created = epoch ? createdAt(epoch) : undefined;
  const packed = packBundle(
    objects.map(({ original }) => original as unknown as PackObject),
    {
      annotations: {
        ...(created !== undefined && { 'org.opencontainers.image.created': created }),
        ...annotationsOf((options.annotate ?? []) as readonly string[]),
      },
      tknCompat: options.tknCompat === true,
      ...(created !== undefined && { created }),
    },
  );
  if (packed.bundle === undefined) throw invalidInput([...diagnostics, ...packed.diagnostics], paths.join(' '));
  for (const warning of [...diagnostics, ...packed.diagnostics])
    context.note(renderDiagnostic(warning, context.colors.err), { painted: true });
  return packed.bundle;
};

const annotationsOf = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1)
        throw new WaybillError('Usage', `--annotate ${text} has no key`, { hint: 'write --annotate KEY=VALUE' });
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );

const createdAt = (epoch: string): string => {
  if (!/^\d{1,11}$/.test(epoch)) {
    throw new WaybillError('Usage', `SOURCE_DATE_EPOCH is "${epoch}"`, {
      hint: 'it is a number of seconds since 1970',
    });
  }
  return new Date(Number(epoch) * 1000).toISOString().replace('.000', '');
};
