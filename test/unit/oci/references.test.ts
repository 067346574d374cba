import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatReference, parseReference, type Reference } from 'waybill/oci';

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const NAMES: Readonly<Record<string, string>> = {
  '{digest}': `sha256:${HEX}`,
  '{hex}': HEX,
  '{sha512}': `sha512:${'ab'.repeat(64)}`,
  '{tag129}': 'a'.repeat(129),
};

const expand = (text: string): string => text.replaceAll('\\|', '|').replace(/\{\w+\}/g, (name) => NAMES[name] ?? name);

const ROWS = readFileSync(join(import.meta.dirname, '../../../docs/references.md'), 'utf8')
  .split('\n')
  .map((line) => /^\| `(.*?)` \| (?:`(.*)`|(BadReference)) \|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, text = '', parsed, error]) => ({ text: expand(text), expected: error ?? expand(parsed as string) }));

const show = (reference: Reference): string =>
  Object.entries(reference)
    .map(([key, value]) => {
      if (key === 'kind') return String(value);
      return `${key}=${typeof value === 'object' ? `${value.kind}/${value.name}` : value}`;
    })
    .join('; ');

describe('docs/references.md', () => {
  test('has a table', () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(60);
    expect(ROWS.map(({ text }) => text)).toContain('');
  });

  test.each(ROWS)('"$text" is $expected', ({ text, expected }) => {
    if (expected === 'BadReference') {
      expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'BadReference' }));
      return;
    }
    const parsed = parseReference(text);
    expect(show(parsed)).toBe(expected);
    expect(parseReference(formatReference(parsed))).toEqual(parsed);
  });

  test('no password is repeated', () => {
    for (const text of ['https://user:secret@host.example/x', 'http://user:secret@host.example/x']) {
      try {
        parseReference(text);
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify([error, (error as Error).message])).not.toContain('secret');
      }
    }
  });
});

test.each(['task.yaml', 'fixtures/task.yml'])('what looks like a file is meant as one: %s', (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ hint: `did you mean ./${text}?` }));
});
