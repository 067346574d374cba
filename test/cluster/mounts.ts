import { readFileSync } from 'node:fs';
import { run } from './shell.ts';

/** Mount points below a folder, the deepest first; `table` is the text of /proc/self/mountinfo. */
export const mountsBelow = (dir: string, table = readFileSync('/proc/self/mountinfo', 'utf8')): readonly string[] =>
  table
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    // Blanks and backslashes in a name are written as octal numbers.
    .map((path) => path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => path.startsWith(`${dir}/`))
    .reverse();

/** Takes away every mount below a folder. One that is busy vanishes when its last user does. */
export const unmountBelow = async (dir: string): Promise<void> => {
  for (const path of mountsBelow(dir)) await run('umount', ['--lazy', path], { accept: [1, 32] });
};
