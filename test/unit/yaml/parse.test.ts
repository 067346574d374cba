import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_YAML_BYTES, parseYaml, renderYaml } from '../../../src/yaml/index.ts';

const valuesOf = (text: string): unknown[] => parseYaml(text).documents.map(({ value }) => value);
const findings = (text: string): string[] =>
  parseYaml(text).diagnostics.map(({ code, range }) => `${code} ${range?.start.line}:${range?.start.column}`);

describe('values', () => {
  test('booleans, octal and keys are read as Kubernetes reads them', () => {
    expect(valuesOf('a: yes\nb: 0644\nc: "yes"\non: x\n2: y\n')).toEqual([
      { a: true, b: 420, c: 'yes', true: 'x', 2: true },
    ]);
  });

  test('several documents; empty ones are left out', () => {
    expect(valuesOf('---\na: 1\n---\n# nothing\n---\n- b\n')).toEqual([{ a: 1 }, ['b']]);
  });

  test('JSON, with tabs, escapes and surrogate pairs', () => {
    expect(valuesOf('{\n\t"a":\t"\\ud83d\\ude00\\/",\n\t"b": [1, true, null, {"c": "no"}]\n}')).toEqual([
      { a: '😀/', b: [1, true, null, { c: 'no' }] },
    ]);
  });

  test('aliases are expanded, to the last anchor of their name', () => {
    expect(valuesOf('a: &x 1\nb: *x\nc: &x 2\nd: *x\n')).toEqual([{ a: 1, b: 1, c: 2, d: 2 }]);
  });

  test('merge keys: own keys win, earlier sources win', () => {
    expect(valuesOf('p: &p {k: 1, l: 1}\nq: &q {l: 2, m: 2}\nr:\n  <<: [*p, *q]\n  k: 0\n')).toMatchObject([
      { r: { k: 0, l: 1, m: 2 } },
    ]);
  });

  test('__proto__ is a key like any other', () => {
    const [value] = valuesOf('__proto__: {a: 1}\n') as object[];
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe('findings', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, i) => {
      const before = `*${'abcdefgh'[i]}`;
      return `${name}: &${name} [${Array(9).fill(before).join(',')}]`;
    }),
  ].join('\n');

  test.each([
    ['a: 1\nb: 2\na: 3\n', ['duplicate-key 3:1']],
    ['{"a": 1, "a": 2}', ['duplicate-key 1:10']],
    ['yes: 1\ntrue: 2\n', ['duplicate-key 2:1']],
    ['a: b: c\n', ['yaml-syntax 1:4']],
    ['a: "x\n', ['yaml-syntax 2:1']],
    ['\ta: 1\n', ['yaml-syntax 1:1']],
    ['a: *nothing\n', ['bad-alias 1:4']],
    ['a: &a [*a]\n', ['bad-alias 1:8']],
    ['a: !!binary aGk=\n', ['bad-tag 1:13']],
    ['? [a]\n: b\n', ['bad-key 1:3']],
    ['a: 99999999999999999999\n', ['unsafe-number 1:4']],
    [bomb, ['too-many-aliases 6:8']],
    [`${'['.repeat(300)}${']'.repeat(300)}`, ['too-deep 1:202']],
  ])('%.40s', (text, expected) => {
    expect(findings(text)).toEqual(expected);
  });

  test('a document with an error is left out, the others stay', () => {
    const { documents, diagnostics } = parseYaml('a: 1\na: 2\n---\nb: 1\n', { file: 'f.yaml' });
    expect(documents.map(({ value }) => value)).toEqual([{ b: 1 }]);
    expect(diagnostics).toMatchObject([{ severity: 'error', file: 'f.yaml', excerpt: 'a: 2' }]);
  });

  test('a text over the cap is not parsed; bytes count, not characters', () => {
    expect(findings('a'.repeat(MAX_YAML_BYTES + 1))).toEqual(['file-too-large 1:1']);
    expect(parseYaml('€€€', { maxBytes: 8 }).diagnostics).toMatchObject([{ code: 'file-too-large' }]);
    expect(parseYaml('€€€', { maxBytes: 9 }).diagnostics).toEqual([]);
  });

  test('depth beyond the stack is a finding', () => {
    expect(findings('['.repeat(50_000))[0]).toMatch(/^too-deep/);
  });

  test('no text makes it throw', () => {
    const piece = fc.constantFrom(
      'a: ',
      '- ',
      '\n',
      '  ',
      '&x ',
      '*x',
      '<<: ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '|',
      '!',
      '? ',
      ': ',
      '%',
      '---\n',
      '\t',
      '#',
      '1',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join('');
        for (const { range } of parseYaml(text).diagnostics) expect(range?.end.offset).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('ranges', () => {
  const text = 'spec:\n  steps:\n    - name: a\n      image: &i x\n    - image: *i\n      <<: {env: [1]}\nempty:\n';
  const document = parseYaml(text, { file: 'f' }).documents[0];
  const at = (path: (string | number)[], part?: 'key' | 'value'): string => {
    const range = document?.rangeOf(path, part);
    return text.slice(range?.start.offset, range?.end.offset);
  };

  test('keys and values', () => {
    expect(at(['spec', 'steps', 0, 'name'], 'key')).toBe('name');
    expect(at(['spec', 'steps', 0, 'name'])).toBe('a');
    expect(document?.rangeOf(['spec', 'steps', 0, 'name']).start).toEqual({ line: 3, column: 13, offset: 27 });
  });

  test('aliases and merged keys stand where they are used', () => {
    expect(at(['spec', 'steps', 1, 'image'])).toBe('*i');
    expect(at(['spec', 'steps', 1, 'env', 0])).toBe('{env: [1]}');
  });

  test('a path that leads nowhere gives what is above it', () => {
    expect(at(['spec', 'steps', 0, 'command'])).toMatch(/^name: a/);
    expect(at(['spec', 'tasks'], 'key')).toBe('spec');
  });

  test('an empty value is shown by its key', () => {
    expect(at(['empty'])).toBe('empty');
  });

  test('a diagnostic has file, path, range and excerpt', () => {
    expect(
      document?.diagnose(['spec', 'steps', 0, 'image'], { code: 'x', severity: 'error', message: 'm', part: 'key' }),
    ).toMatchObject({ code: 'x', file: 'f', path: ['spec', 'steps', 0, 'image'], excerpt: '      image: &i x' });
  });
});

describe('rendering', () => {
  test('what is rendered is read as the same value', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'yes',
        'no',
        'on',
        'y',
        '0644',
        '0o17',
        '1:30',
        '1e3',
        '1_0',
        '~',
        '',
        '.inf',
        '<<',
        '*a',
        'a\n\nb\n',
        ' a',
        '#',
        '2024-01-01',
      ),
      fc.integer(),
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .filter((n) => !Number.isInteger(n) || Number.isSafeInteger(n)),
      fc.boolean(),
      fc.constant(null),
    );
    const json = fc
      .letrec((tie) => ({
        value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
      }))
      .value.map((value) => JSON.parse(JSON.stringify(value)));
    fc.assert(
      fc.property(json, (value) => {
        const { documents, diagnostics } = parseYaml(renderYaml({ value }));
        expect(diagnostics).toEqual([]);
        expect(documents[0]?.value).toEqual({ value });
      }),
    );
  });

  test('texts of several lines are blocks, long lines stay whole', () => {
    expect(renderYaml({ script: '#!/bin/sh\necho hi\n', line: 'a '.repeat(60).trim() })).toBe(
      `script: |\n  #!/bin/sh\n  echo hi\nline: ${'a '.repeat(60).trim()}\n`,
    );
  });
});
