import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Command, Entry, Options } from '../../../cli/command.ts';
import { execute, formatOf, type Globals } from '../../../cli/program.ts';
import { WaybillError } from '../../../src/core/index.ts';
import { CONTEXT } from './context.ts';

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: Options;
  readonly globals: Globals;
}

let calls: Call[];
let loaded: string[];
let printed: string;

beforeEach(() => {
  calls = [];
  loaded = [];
  printed = '';
});

const entryOf = (name: string, command: Pick<Command, 'arguments' | 'options'>, result: object = {}): Entry => ({
  name,
  summary: `does ${name}`,
  load: async () => {
    loaded.push(name);
    return {
      command: {
        ...command,
        example: `waybill ${name} x`,
        output: z.object({}),
        run: async (_, args, options) => {
          calls.push({ name, args, options, globals: { format: 'text', quiet: false } });
          return { data: {}, text: name, ...result };
        },
      },
    };
  },
});

const ENTRIES: readonly Entry[] = [
  entryOf('list', {
    arguments: [{ name: '<ref>', says: 'a bundle' }],
    options: [
      { flags: '-p, --param <x>', says: 'a param', repeat: true },
      { flags: '--mode <mode>', says: 'how', choices: ['fast', 'slow'], default: 'fast' },
      { flags: '--no-referrers', says: 'without' },
    ],
  }),
  entryOf('keys generate', { arguments: [], options: [{ flags: '--key <file>', says: 'a key', required: true }] }),
  entryOf('keys show', { arguments: [{ name: '[file]', says: 'a key' }], options: [] }),
  entryOf('push', { arguments: [{ name: '<words...>', says: 'words' }], options: [] }, { exitCode: 1 }),
];

let globals: Globals | undefined;
const call = (...argv: string[]) =>
  execute(
    argv,
    '1.2.3',
    (given) => {
      globals = given;
      return CONTEXT;
    },
    (text) => {
      printed += text;
    },
    ENTRIES,
  );

const failure = async (...argv: string[]): Promise<WaybillError> => {
  const error = await call(...argv).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WaybillError);
  expect(error).toMatchObject({ code: 'Usage' });
  expect(calls).toEqual([]);
  return error as WaybillError;
};

test('runs the command that is called, and loads no other', async () => {
  const called = await call('list', 'reg.example/go:1', '-p', 'a=1', '--param=b=2');
  expect(called?.outcome.text).toBe('list');
  expect(called?.entry.name).toBe('list');
  expect(loaded).toEqual(['list']);
  expect(calls[0]?.args).toEqual(['reg.example/go:1']);
  expect(calls[0]?.options).toMatchObject({ param: ['a=1', 'b=2'], mode: 'fast', referrers: true });
});

test.each([
  [['list', '-o', 'json', '-q', 'x']],
  [['-o', 'json', '-q', 'list', 'x']],
  [['-q', '--output=json', 'list', 'x']],
  [['-ojson', 'list', 'x', '--quiet']],
  [['list', 'x', '-qo', 'json']],
])('takes the options of every command anywhere: %j', async (argv) => {
  await call(...argv);
  expect(calls[0]?.args).toEqual(['x']);
  expect(globals).toEqual({ format: 'json', quiet: true });
});

test.each([
  [['keys', 'generate', '--key', 'k']],
  [['-q', 'keys', '--verbose', 'generate', '--key', 'k']],
  [['keys', '-o', 'yaml', 'generate', '--key=k']],
])('finds commands of two words: %j', async (argv) => {
  await call(...argv);
  expect(calls).toMatchObject([{ name: 'keys generate', options: { key: 'k' } }]);
});

test('a repeated option takes one value each, and leaves the argument', async () => {
  await call('list', '-p', 'one', 'ref', '-p', 'two');
  expect(calls[0]).toMatchObject({ args: ['ref'], options: { param: ['one', 'two'] } });
});

test('words behind -- are no options', async () => {
  await call('push', '--', '-o', 'x');
  expect(calls[0]?.args).toEqual([['-o', 'x']]);
  expect(formatOf(['push', '--', '-o', 'json'])).toBe('text');
});

test.each([
  [['lst'], 'list'],
  [['keys', 'generat'], 'generate'],
  [['list', '--mod', 'fast', 'x'], '--mode'],
])('names what was meant by %j', async (argv, meant) => {
  expect((await failure(...argv)).hint).toContain(meant);
});

test.each([
  [['nope'], 'waybill --help'],
  [['help', 'nope'], 'waybill --help'],
  [['keys', 'nope'], 'waybill keys --help'],
  [['--nope'], 'waybill --help'],
  [['list'], 'waybill list --help'],
  [['list', 'a', 'b'], 'waybill list --help'],
  [['list', 'x', '--nope'], 'waybill list --help'],
  [['list', 'x', '-o', 'xml'], 'waybill list --help'],
  [['list', 'x', '--mode', 'other'], 'waybill list --help'],
  [['list', 'x', '-o'], 'waybill list --help'],
  [['keys', 'generate'], 'waybill keys generate --help'],
])('%j is a wrong call', async (argv, see) => {
  expect((await failure(...argv)).hint).toContain(`see ${see}`);
});

test.each([[[]], [['keys']], [['-q', 'keys']]])('%j names no command: its help is shown', async (argv) => {
  await failure(...argv);
  expect(printed).toContain('Commands:');
  expect(printed.includes('does list')).toBe(!argv.includes('keys' as never));
});

test.each([
  [['--help'], 'does list'],
  [['help'], 'does list'],
  [['keys', '--help'], 'does keys show'],
  [['help', 'keys'], 'does keys show'],
  [['list', '--help'], 'waybill list x'],
  [['list', 'x', '-h'], 'waybill list x'],
  [['help', 'list'], 'waybill list x'],
  [['help', 'keys', 'generate'], 'waybill keys generate x'],
  [['--version'], '1.2.3'],
  [['-v'], '1.2.3'],
])('%j prints and runs nothing', async (argv, text) => {
  expect(await call(...argv)).toBeNull();
  expect(printed).toContain(text);
  expect(calls).toEqual([]);
});

test.each([
  [['lint', '-o', 'json'], 'json'],
  [['-oyaml', 'lint'], 'yaml'],
  [['lint', '--output=json', '--nope'], 'json'],
  [['lint', '-o', 'json', '-o', 'text'], 'text'],
  [['lint', '-o', 'xml'], 'text'],
  [['lint', '-o'], 'text'],
])('the format of %j is %s, also where the call is wrong', (argv, format) => {
  expect(formatOf(argv)).toBe(format);
});

test('what a command throws comes through', async () => {
  const failing: Entry = {
    name: 'fail',
    summary: 'fails',
    load: async () => ({
      command: {
        arguments: [],
        options: [],
        example: 'waybill fail',
        output: z.object({}),
        run: async () => {
          throw new WaybillError('NotFound', 'gone');
        },
      },
    }),
  };
  const thrown = execute(
    ['fail'],
    '1',
    () => CONTEXT,
    () => undefined,
    [failing],
  );
  await expect(thrown).rejects.toMatchObject({ code: 'NotFound' });
});
