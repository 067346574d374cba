import { expect, test } from 'vitest';
import { isPrivate, schemeOf } from '../../../src/oci/registry/hosts.ts';
import { nextLink } from '../../../src/oci/registry/pages.ts';
import { DEFAULT_RETRY, retryAfter, waitFor } from '../../../src/oci/registry/retry.ts';

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfter('3', now)).toBe(3000);
  expect(retryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now)).toBe(5000);
  expect(retryAfter('Thu, 01 Jan 2026 00:00:00 GMT', now + 1)).toBe(0);
  expect(retryAfter('soon', now)).toBeUndefined();
  expect(retryAfter(null, now)).toBeUndefined();
});

test('a wait ends with the attempts, and with what is asked for', () => {
  const failed = { attempt: 1, elapsed: 0, random: 0.5 };
  expect(waitFor(DEFAULT_RETRY, failed)).toBe(125);
  expect(waitFor(DEFAULT_RETRY, { ...failed, asked: 2000 })).toBe(2000);
  expect(waitFor(DEFAULT_RETRY, { ...failed, asked: DEFAULT_RETRY.maxWait + 1 })).toBeUndefined();
  expect(waitFor(DEFAULT_RETRY, { ...failed, attempt: DEFAULT_RETRY.attempts })).toBeUndefined();
  expect(waitFor(DEFAULT_RETRY, { ...failed, elapsed: DEFAULT_RETRY.total })).toBeUndefined();
});

test('plain HTTP is for this machine and for named hosts', () => {
  expect(schemeOf('localhost:5000', [])).toBe('http');
  expect(schemeOf('127.0.0.2', [])).toBe('http');
  expect(schemeOf('[::1]:5000', [])).toBe('http');
  expect(schemeOf('127.0.0.1.example', [])).toBe('https');
  expect(schemeOf('10.0.0.1:5000', [])).toBe('https');
  expect(schemeOf('10.0.0.1:5000', ['10.0.0.1:5000'])).toBe('http');
  expect(schemeOf('10.0.0.1:5001', ['10.0.0.1:5000'])).toBe('https');
});

test.each([
  ['10.1.2.3', true],
  ['172.16.0.1:80', true],
  ['172.32.0.1', false],
  ['169.254.169.254', true],
  ['[fd00::1]:443', true],
  ['reg.example', false],
  ['8.8.8.8', false],
])('%s is private: %s', (host, expected) => {
  expect(isPrivate(host)).toBe(expected);
});

test.each([
  ['</v2/a/tags/list?last=x&n=2>; rel="next"', '/v2/a/tags/list?last=x&n=2'],
  ['</a>; rel="prev", </b>; rel=next', '/b'],
  ['</a>; rel="prev next"', '/a'],
  ['</a>; rel="nextish"', undefined],
  [null, undefined],
])('the next link of %s', (header, expected) => {
  expect(nextLink(header)).toBe(expected);
});
