import { expect, test } from 'vitest';
import { contentOf } from 'waybill/oci';
import { sizeText, statusLine, transferProgress } from '../../../cli/output/progress.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [200 * 1024 * 1024, '200 MiB'],
  [1024 ** 3, '1.0 GiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test('a status is cut to the terminal, shows no control characters, and goes away', () => {
  let written = '';
  const line = statusLine({ write: (text) => (written += text), columns: 20 });
  line.clear();
  expect(written).toBe('');
  line.show(`a\u001b]0;b\n${'x'.repeat(100)}`);
  expect(written.split('\u001b[K')[1]).toHaveLength(19);
  expect(written.replace('\u001b[K', '')).not.toContain('\u001b');
  line.clear();
  line.clear();
  expect(written.split('\u001b[K')).toHaveLength(3);
});

test('a transfer is shown by its nodes and bytes, not more often than can be read', () => {
  const shown: string[] = [];
  let clock = 0;
  const [one, two] = [1024, 2048].map((size) => contentOf(Buffer.alloc(size), 'text/plain').descriptor);
  const { onEvent } = transferProgress({ status: (text) => shown.push(text), now: () => clock }, 'copying');
  for (const descriptor of [one, two]) onEvent({ kind: 'started', descriptor: descriptor as never });
  clock = 1000;
  onEvent({ kind: 'passed', descriptor: two as never, bytes: 512 });
  onEvent({ kind: 'passed', descriptor: two as never, bytes: 600 });
  clock = 2000;
  onEvent({ kind: 'done', descriptor: two as never, state: 'copied' });
  expect(shown).toEqual([
    'copying 0/1, 0 B of 1.0 KiB',
    'copying 0/2, 512 B of 3.0 KiB, 512 B/s',
    'copying 1/2, 2.0 KiB of 3.0 KiB, 1.0 KiB/s',
  ]);
});

test('without a terminal nothing is shown', () => {
  const { onEvent } = transferProgress({ now: () => 0 }, 'copying');
  expect(() => onEvent({ kind: 'started', descriptor: contentOf(Buffer.alloc(1), 'x').descriptor })).not.toThrow();
});
