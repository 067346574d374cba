import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordJsonSchema } from '../../../src/record/index.ts';

test('the schema in the documentation is the one that records are read with', () => {
  const file = join(import.meta.dirname, '../../../docs/run-record.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(recordJsonSchema());
});
