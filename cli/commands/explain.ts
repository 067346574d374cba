import { hasErrors, invalidInput, WaybillError } from 'waybill';
import { parseReference } from 'waybill/oci';
import { loadLocal, resolveReference } from 'waybill/resolve';
import { interfaceOf, type LoadedObject, loadObjects, type ObjectInterface, type ParamValue } from 'waybill/tekton';
import { z } from 'zod';
import type { Command, Context, Options } from '../command.ts';
import { table } from '../output/table.ts';
import { RESOLVE_OPTIONS, resolveContext } from '../prepare.ts';

const VALUE = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())]);
const TYPE = z.enum(['string', 'array', 'object']);

const OUTPUT = z.object({
  kind: z.string(),
  name: z.string(),
  apiVersion: z.string(),
  version: z.string().optional(),
  description: z.string().optional(),
  params: z.array(
    z.object({
      name: z.string(),
      type: TYPE,
      description: z.string().optional(),
      default: VALUE.optional().describe('without one the param must be given'),
      enum: z.array(z.string()).optional(),
      properties: z.array(z.string()).optional(),
    }),
  ),
  workspaces: z.array(
    z.object({ name: z.string(), description: z.string().optional(), optional: z.boolean(), readOnly: z.boolean() }),
  ),
  results: z.array(z.object({ name: z.string(), type: TYPE, description: z.string().optional() })),
  steps: z.array(z.object({ name: z.string(), image: z.string().optional(), uses: z.string().optional() })),
  tasks: z.array(z.object({ name: z.string(), uses: z.string().optional(), finally: z.boolean() })),
});

export const command: Command = {
  arguments: [
    {
      name: '<ref-or-path>',
      says: 'one object: HOST/REPO:TAG#kind/name, or a file; without #kind/name the one Pipeline, or else the one Task',
    },
  ],
  options: RESOLVE_OPTIONS,
  example: 'waybill explain registry.example/ci/release:1.4.0#task/build',
  output: OUTPUT,
  run: async (context, [text], options) => {
    const data = interfaceOf(await objectOf(context, text as string, options));
    return { data, text: render(data) };
  },
};

type Published = Parameters<typeof interfaceOf>[0];

const isPublished = ({ object }: LoadedObject): boolean => object.kind !== 'TaskRun' && object.kind !== 'PipelineRun';

const objectOf = async (context: Context, text: string, options: Options): Promise<Published> => {
  const reference = parseReference(text);
  if (reference.kind === 'file') {
    const wanted = reference.object;
    const all = (await loadLocal(reference.path)).filter(isPublished);
    const named = all.filter(
      ({ object: { kind, metadata } }) =>
        wanted === undefined || (kind.toLowerCase() === wanted.kind && metadata.name === wanted.name),
    );
    return one(named, text, all);
  }
  const resolved = await resolveReference(text, await resolveContext(context, options));
  const { objects, diagnostics } = loadObjects(Buffer.from(resolved.bytes).toString('utf8'), text, {
    strictness: 'lint',
  });
  if (hasErrors(diagnostics)) throw invalidInput(diagnostics, text);
  return one(objects.filter(isPublished), text, objects);
};

/** The one that is meant: the only one, or the only Pipeline. */
const one = (found: readonly LoadedObject[], text: string, all: readonly LoadedObject[]): Published => {
  const pipelines = found.filter(({ object }) => object.kind === 'Pipeline');
  const [only, ...more] = pipelines.length === 1 ? pipelines : found;
  if (only !== undefined && more.length === 0) return only.object as Published;
  const names = all.map(({ object: { kind, metadata } }) => `#${kind.toLowerCase()}/${metadata.name ?? ''}`);
  throw new WaybillError(
    only === undefined ? 'NotFound' : 'Usage',
    only === undefined ? `${text} has no such object` : `${text} has several objects`,
    { hint: `name one of: ${names.join(', ')}` },
  );
};

const valueText = (value: ParamValue | undefined): string =>
  value === undefined ? '(required)' : JSON.stringify(value);

const render = ({ kind, name, version, description, params, workspaces, results, steps, tasks }: ObjectInterface) => {
  const section = (title: string, heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
    rows.length === 0 ? [] : ['', `${title}:`, table(heads, rows)];
  return [
    `${kind} ${name}${version === undefined ? '' : ` ${version}`}`,
    ...(description === undefined ? [] : ['', description.trim()]),
    ...section(
      'Params',
      ['name', 'type', 'default', 'description'],
      params.map((param) => [
        param.name,
        `${param.type}${param.properties === undefined ? '' : ` {${param.properties.join(', ')}}`}${param.enum === undefined ? '' : ` of ${param.enum.join(' | ')}`}`,
        valueText(param.default),
        param.description ?? '',
      ]),
    ),
    ...section(
      'Workspaces',
      ['name', 'binding', 'description'],
      workspaces.map((one) => [
        one.name,
        [one.optional ? 'optional' : 'required', ...(one.readOnly ? ['read-only'] : [])].join(', '),
        one.description ?? '',
      ]),
    ),
    ...section(
      'Results',
      ['name', 'type', 'description'],
      results.map((result) => [result.name, result.type, result.description ?? '']),
    ),
    ...section(
      'Steps',
      ['name', 'image'],
      steps.map((step) => [step.name, step.image ?? step.uses ?? '']),
    ),
    ...section(
      'Tasks',
      ['name', 'uses', 'when'],
      tasks.map((task) => [task.name, task.uses ?? 'a Task of its own', task.finally ? 'finally' : '']),
    ),
  ].join('\n');
};
