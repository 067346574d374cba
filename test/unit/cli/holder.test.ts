import { expect, test } from 'vitest';
import { holderName, holderText, isGone, linux, type Processes } from '../../../cli/holder.ts';

const processes = (table: Readonly<Record<number, string>>, space: string | undefined = 'space'): Processes => ({
  pid: 7,
  host: 'laptop',
  space,
  startOf: (pid) => table[pid],
});

test('a process is named by host and pid, and by what makes the pid unmistakable', () => {
  expect(holderName(processes({ 7: '100' }))).toBe('laptop/7/space/100');
  expect(holderName(processes({}))).toBe('laptop/7');
  expect(holderText('laptop/7/space/100')).toBe('process 7 on laptop');
});

test.each([
  ['runs', 'laptop/7/space/100', false],
  ['has ended', 'laptop/8/space/100', true],
  ['has ended, and its pid is another process now', 'laptop/7/space/99', true],
  ['runs in another container of the same host name', 'laptop/8/elsewhere/100', false],
  ['is on another machine', 'server/8/elsewhere/100', false],
  ['says no more than its pid', 'laptop/8', false],
  ['is nobody', '', false],
])('a driver that %s', (_, holder, gone) => {
  expect(isGone(holder, processes({ 7: '100' }))).toBe(gone);
});

test('where nothing is known of processes, nobody is known to be gone', () => {
  expect(isGone('laptop/8/space/100', { ...processes({}), space: undefined })).toBe(false);
});

test.runIf(process.platform === 'linux')('this process is not gone', () => {
  const name = holderName();
  expect(name).toMatch(/^[^/]+\/\d+\/[0-9a-f]{12}\/\d+$/);
  expect(isGone(name)).toBe(false);
  expect(isGone(name.replace(/\d+$/, '1'))).toBe(true);
  expect(linux().startOf(2 ** 30)).toBeUndefined();
});
