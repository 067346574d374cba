import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { lint, withoutIgnored } from '../../../src/lint/index.ts';
import { loadObjects } from '../../../src/tekton/index.ts';

const CATALOG = resolve(import.meta.dirname, '../../../../shared/corpus/catalog');
const absent = !existsSync(CATALOG);
if (absent) console.warn('skipped: the corpus (../shared/corpus) is not here');

test.skipIf(absent)(
  'every file of the catalog is linted, no rule is an error, and every finding has its place',
  {
    timeout: 60_000,
  },
  () => {
    const files = readdirSync(CATALOG, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
    const counts = new Map<string, number>();
    for (const file of files) {
      const text = readFileSync(join(CATALOG, file), 'utf8');
      const { objects } = loadObjects(text, file, { strictness: 'lint' });
      const found = lint(objects).map(({ diagnostic }) => diagnostic);
      expect(withoutIgnored(text, file, found)).toEqual(found);
      for (const { code, severity, range } of found) {
        expect([severity, range?.start.line]).toEqual(['warning', expect.any(Number)]);
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
    }
    // Tasks that people publish: the rules find what they are for, and do not cry at every line.
    expect(files.length).toBeGreaterThan(500);
    expect(counts.get('param-in-script')).toBeGreaterThan(100);
    expect(counts.get('unused-param')).toBeLessThan(200);
  },
);
