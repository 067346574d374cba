import fc from 'fast-check';
import { expect, test } from 'vitest';
import { age } from '../../../cli/output/age.ts';
import { colorsOf } from '../../../cli/output/colors.ts';
import { renderDiagnostic } from '../../../cli/output/diagnostic.ts';
import { exitCodeOf, renderError } from '../../../cli/output/errors.ts';
import { jsonText, renderData } from '../../../cli/output/render.ts';
import { ERROR } from '../../../cli/output/schema.ts';
import { table } from '../../../cli/output/table.ts';
import { safe, safeColors, safeMessage, widthOf } from '../../../cli/output/terminal.ts';
import { type Code, type Diagnostic, WaybillError } from '../../../src/core/index.ts';
import { parseYaml } from '../../../src/yaml/index.ts';

const ESC = '\u001b';
const PLAIN = { colors: false, format: 'text', verbose: false } as const;

/** What a terminal obeys, colours aside: any of it in an output is a hole. */
const obeyed = (text: string): string[] =>
  [...text.replaceAll(new RegExp(`${ESC}\\[[0-9;:]*m`, 'g'), '')].filter((character) => {
    const code = character.charCodeAt(0);
    return (code < 32 && character !== '\t' && character !== '\n') || (code >= 127 && code < 160);
  });

const HOSTILE = [
  `${ESC}[2J${ESC}[H`,
  `${ESC}]0;title\u0007`,
  `${ESC}]52;c;ZXZpbA==${ESC}\\`,
  `${ESC}]8;;https://evil.example${ESC}\\link${ESC}]8;;${ESC}\\`,
  `${ESC}[?1049h`,
  `${ESC}[6n`,
  `${ESC}[31`,
  `${ESC}[>4;1m`,
  `${ESC}[1;31H`,
  `${ESC}P+q544e${ESC}\\`,
  `${ESC}c`,
  '\u009b2J',
  '\u009d0;title\u009c',
  'overwritten\rsafe',
  'beep\u0007\b\u007f\u0000',
];

test.each(HOSTILE)('nothing of %j reaches the terminal', (text) => {
  for (const shown of [safe(text), safeColors(text, true), safeColors(text, false)]) expect(obeyed(shown)).toEqual([]);
});

test('control characters and overrides of direction are shown; tab and line feed stay', () => {
  expect(safe(`a\tb\nc${ESC}[31m\u009b\u202e`)).toBe('a\tb\nc\\x1b[31m\\x9b\\u202e');
});

test('no message passes for several', () => {
  expect(safeMessage('denied\r\nrun: Succeeded\n::set-env name=A::b')).toBe(
    'denied\n  | run: Succeeded\n  | ::set-env name=A::b',
  );
  const error = new WaybillError('KubeError', 'a\nerror NotFound: b', { hint: 'c\nd', cause: new Error('e\nf') });
  const lines = renderError(error, { ...PLAIN, verbose: true })
    .trimEnd()
    .split('\n');
  expect(lines.filter((line) => /^(?:error|hint|b|d|f)/.test(line))).toHaveLength(1);
});

test('overrides of direction are shown in logs too', () => {
  expect(safeColors('a\u202eb\u2066c', true)).toBe('a\\u202eb\\u2066c');
});

test('colours of steps pass, and end with their line', () => {
  const red = `${ESC}[1;31mred`;
  expect(safeColors(red, true)).toBe(`${red}${ESC}[0m`);
  expect(safeColors(`${red}${ESC}[0m`, true)).toBe(`${red}${ESC}[0m`);
  expect(safeColors(`${ESC}[38:2:1:2:3mx${ESC}[m`, true)).toBe(`${ESC}[38:2:1:2:3mx${ESC}[m`);
  expect(safeColors(red, false)).toBe('red');
  expect(safe(red)).toBe('\\x1b[1;31mred');
});

test.each([
  ['abc', 3],
  ['日本語', 6],
  ['ﾊﾝ', 2],
  ['한글', 4],
  ['e\u0301', 1],
  ['🚀', 2],
  ['äöü→…', 5],
  ['', 0],
])('%s takes %i columns', (text, width) => expect(widthOf(text)).toBe(width));

const at = (excerpt: string, column: number, end = column + 1): Diagnostic => ({
  code: 'bad-value',
  severity: 'error',
  message: 'wrong',
  file: 'a.yaml',
  excerpt,
  range: { start: { line: 3, column, offset: 0 }, end: { line: 3, column: end, offset: 0 } },
});

/** The excerpt and the line of carets below it. */
const excerptOf = (diagnostic: Diagnostic): string[] => renderDiagnostic(diagnostic, false).split('\n').slice(1, 3);

test.each([
  ['name: bad', 7, 10, '      ^^^'],
  ['\tname: bad', 8, 11, '\t      ^^^'],
  ['a\tb', 3, 4, ' \t^'],
  ['日本: bad', 5, 8, '      ^^^'],
  ['k: 日本', 4, 6, '   ^^^^'],
  ['e\u0301: x', 5, 6, '   ^'],
  [`${ESC}: x`, 4, 5, '      ^'],
  ['short', 99, 120, '     ^'],
  ['', 1, 1, '^'],
  ['tail: x', 7, 500, '      ^'],
])('the caret stands below its place: %j', (excerpt, column, end, carets) => {
  expect(excerptOf(at(excerpt, column, end))).toEqual([`    ${safe(excerpt)}`, `    ${carets}`]);
});

test('a range over several lines is marked at its start', () => {
  const diagnostic = at('a: |', 4);
  const range = { ...diagnostic.range, end: { line: 9, column: 2, offset: 0 } } as NonNullable<Diagnostic['range']>;
  expect(excerptOf({ ...diagnostic, range })[1]).toBe('       ^');
});

test('of a long line what is around the place is shown', () => {
  const [line = '', carets = ''] = excerptOf(at(`${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`, 5001, 5005));
  expect(line.length).toBeLessThan(140);
  expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('HERE');
});

test('a finding is headed by file, line and column, and paints only where colours are wanted', () => {
  expect(renderDiagnostic(at('x', 1), false)).toMatch(/^a\.yaml:3:1: error bad-value: wrong\n/);
  expect(renderDiagnostic(at('x', 1), true)).toContain(ESC);
  const hostile = { ...at('x', 1), message: `${ESC}[31m`, file: `${ESC}]0;f`, path: [`${ESC}c`], hint: '\u009b' };
  expect(renderDiagnostic(hostile, false)).not.toContain(ESC);
  expect(obeyed(renderDiagnostic(hostile, false))).toEqual([]);
  expect(obeyed(renderDiagnostic(hostile, true))).toEqual([]);
});

test.each<[Code, number]>([
  ['Usage', 2],
  ['InvalidInput', 2],
  ['NotFound', 3],
  ['Unreachable', 3],
  ['NotVerified', 4],
  ['TagMoved', 4],
  ['RunFailed', 1],
  ['Internal', 1],
])('%s ends with %i', (code, exit) => expect(exitCodeOf(new WaybillError(code, 'x'))).toBe(exit));

test('an error tells code, message, hint, and its causes when asked', () => {
  const cause = new Error('deep', { cause: new Error(`deeper ${ESC}c`) });
  const error = new WaybillError('NotFound', `no ${ESC}[2J`, { hint: 'look', cause });
  expect(renderError(error, PLAIN)).toBe('error NotFound: no \\x1b[2J\n  hint: look\n');
  expect(renderError(error, { ...PLAIN, verbose: true })).toMatch(/cause: deep\n {2}cause: deeper \\x1bc\n$/);
  expect(exitCodeOf(new TypeError('x'))).toBe(1);
  expect(renderError(new TypeError(`x${ESC}c`), PLAIN)).toContain('bug in waybill');
});

test.each([
  new WaybillError('InvalidInput', 'x', { diagnostics: [at('x', 1)], hint: 'h', subject: 's' }),
  new WaybillError('NotFound', `${ESC}\u009b`),
  new TypeError('broken'),
  'thrown text',
])('with -o json an error is one line of the schema', (error) => {
  const text = renderError(error, { ...PLAIN, format: 'json' });
  expect(text.trimEnd().split('\n')).toHaveLength(1);
  expect(obeyed(text)).toEqual([]);
  expect(text).not.toContain(ESC);
  expect(ERROR.parse(JSON.parse(text))).toEqual(JSON.parse(text));
});

test('JSON says the same, without what a terminal obeys', () => {
  const data = { text: `${ESC}\u007f\u009b\u202eä日` };
  const text = jsonText(data, 2);
  expect(JSON.parse(text)).toEqual(data);
  expect(text).not.toMatch(/[\u007f-\u009f\u202e]/);
  expect(text).toContain('ä日');
});

/** Texts of what a terminal, a shell, or a reader of YAML would like to take for something. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...HOSTILE,
        '---',
        ': ',
        '- ',
        '#',
        '\n',
        '\r',
        '\t',
        '"',
        "'",
        '|',
        '>',
        '&a',
        '*a',
        '!!str',
        '? ',
      ),
      fc.constantFrom(
        '\u202e',
        '\u2066',
        '\u2028',
        '\ufeff',
        '\u0085',
        '\ud800',
        '%',
        '@',
        '{{',
        '$(params.x)',
        '`id`',
        '$HOME',
      ),
      fc.string({ unit: 'binary' }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

test('whatever is printed as JSON or YAML reads back as it was, and holds nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(
      fc.dictionary(hostileText, fc.oneof(hostileText, fc.array(hostileText)), { noNullPrototype: true }),
      (value) => {
        const outcome = { data: { value }, text: '' };
        const json = renderData(outcome, 'json');
        const yaml = renderData(outcome, 'yaml');
        expect(JSON.parse(json)).toEqual({ value });
        expect(parseYaml(yaml).documents[0]?.value).toEqual({ value });
        for (const text of [json, yaml]) {
          expect(obeyed(text)).toEqual([]);
          expect(text).not.toContain(ESC);
          expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
        }
      },
    ),
  );
});

test('an outcome in each format', () => {
  const outcome = { data: { a: ['x'] }, text: 'for people' };
  expect(renderData(outcome, 'text')).toBe('for people');
  expect(JSON.parse(renderData(outcome, 'json'))).toEqual(outcome.data);
  expect(renderData(outcome, 'yaml')).toBe('a:\n  - x\n');
});

test('a table pads by columns, and its cells are safe and one line', () => {
  const lines = table(
    ['name', 'x'],
    [
      ['日本', '1'],
      ['a\nb', `${ESC}c`],
      ['longest', ''],
    ],
  ).split('\n');
  expect(lines).toEqual(['NAME     X', '日本     1', 'a b      \\x1bc', 'longest']);
  expect(table(['name'], [])).toBe('NAME');
});

test.each([
  [-5, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [7199, '119m'],
  [7200, '2h'],
  [172_799, '47h'],
  [172_800, '2d'],
])('%i seconds are %s', (seconds, text) => {
  const since = '2026-01-02T03:04:05Z';
  expect(age(since, Date.parse(since) + seconds * 1000)).toBe(text);
});

test('the age of no time is empty', () => expect(age('soon', 0)).toBe(''));

test.each([
  [{}, [true, false, true]],
  [{ NO_COLOR: '1' }, [false, false, false]],
  [{ NO_COLOR: '' }, [true, false, true]],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, [false, false, false]],
  [{ FORCE_COLOR: '1' }, [true, true, true]],
  [{ FORCE_COLOR: '0' }, [false, false, false]],
  [{ TERM: 'dumb' }, [false, false, false]],
])('colours with %j on a terminal and a pipe', (env, [out, err, logs]) => {
  expect(colorsOf(env, { out: true, err: false })).toEqual({ out, err, logs });
});

test('colours of steps stay in a file', () => {
  expect(colorsOf({ TERM: 'dumb' }, { out: false, err: false })).toEqual({ out: false, err: false, logs: true });
});
