import { expect, test } from 'vitest';
import { proxyFor } from '../../../src/http/proxy.ts';

const ENV = { HTTPS_PROXY: 'http://secure.proxy:3128', http_proxy: 'plain.proxy:8080' };

test.each([
  ['https://reg.example/v2/', ENV, 'http://secure.proxy:3128'],
  ['http://reg.example/v2/', ENV, 'http://plain.proxy:8080'],
  ['https://reg.example', { ...ENV, https_proxy: 'http://lower.proxy' }, 'http://lower.proxy'],
  ['https://reg.example', {}, undefined],
  ['https://reg.example', { HTTPS_PROXY: 'socks5://proxy:1080' }, undefined],
  ['https://localhost:5000', ENV, undefined],
  ['https://127.0.0.1', ENV, undefined],
  ['https://[::1]:5000', ENV, undefined],
])('%s with %o goes through %s', (url, env, expected) => {
  expect(proxyFor(new URL(url), env)).toBe(expected);
});

test.each([
  ['https://reg.example', '*', true],
  ['https://reg.example', 'other.example, reg.example', true],
  ['https://a.reg.example', 'reg.example', true],
  ['https://a.reg.example', '.reg.example', true],
  ['https://a.reg.example', '*.reg.example', true],
  ['https://areg.example', 'reg.example', false],
  ['https://reg.example:5000', 'reg.example:5000', true],
  ['https://reg.example', 'reg.example:443', true],
  ['https://reg.example', 'reg.example:5000', false],
  ['https://10.1.2.3', '10.0.0.0/8', true],
  ['https://11.1.2.3', '10.0.0.0/8', false],
  ['https://10.1.2.3', '10.1.2.3', true],
  ['https://[fd00::1]', 'fd00::/8', true],
  ['https://[fd00::1]', 'fd00::1', true],
  ['https://reg.example', '10.0.0.0/99', false],
  ['https://REG.example.', 'reg.EXAMPLE', true],
])('%s beside NO_PROXY=%s: direct %s', (url, list, direct) => {
  expect(proxyFor(new URL(url), { ...ENV, NO_PROXY: list })).toBe(direct ? undefined : 'http://secure.proxy:3128');
});
