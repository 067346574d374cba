import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = join(import.meta.dirname, '../../docs/output.schema.json');
const { $defs } = JSON.parse(readFileSync(FILE, 'utf8')) as {
  readonly $defs: Readonly<Record<string, Parameters<typeof z.fromJSONSchema>[0]>>;
};

/** What a command printed with `-o json`, held to its published schema; `error` is what stands on standard error. */
export const readOutput = (name: string, text: string): unknown => {
  const schema = $defs[name];
  if (schema === undefined) throw new Error(`docs/output.schema.json has no ${name}`);
  const data: unknown = JSON.parse(text);
  const read = z.fromJSONSchema(schema).safeParse(data);
  if (!read.success) throw new Error(`waybill ${name} -o json is not of its schema: ${z.prettifyError(read.error)}`);
  return data;
};
