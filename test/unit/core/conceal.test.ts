import { expect, test } from 'vitest';
import { conceal } from '../../../src/core/index.ts';

const pair = Buffer.from('me:hunter2').toString('base64');
const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

test.each([
  [`refused: Authorization: Basic ${pair}`],
  [`bad header "basic ${pair}"`],
  [`Bearer ${jwt} has expired`],
  [`token ${jwt}`],
  ['bearer 0123456789abcdef0123 is not known'],
  ['cannot reach https://me:hunter2@reg.example/v2/'],
  ['{"password":"hunter2"}'],
  ['password=hunter2&scope=x'],
  ["{'access_token': 'hunter2'}"],
])('%j hides its credential', (text) => {
  const shown = conceal(text);
  for (const secret of [pair, jwt, 'hunter2', '0123456789abcdef0123']) expect(shown).not.toContain(secret);
  expect(shown).toContain('***');
});

test.each([
  'basic authentication is required',
  'the bearer token is missing',
  'pods "x" is forbidden: User "me" cannot get resource "secrets" in API group ""',
  'https://reg.example/v2/app@sha256:00',
  'spec.volumes[0].secret: Required value; token: Forbidden',
  'denied: requested access to the resource is denied',
])('%j is prose', (text) => expect(conceal(text)).toBe(text));

test('a secret that is known is hidden wherever it stands', () => {
  expect(conceal(`user me with correct horse, ${pair}`, ['', 'correct horse', pair])).toBe('user me with ***, ***');
});
