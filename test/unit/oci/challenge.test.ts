import { expect, test } from 'vitest';
import { parseChallenges } from '../../../src/oci/registry/challenge.ts';

test.each([
  ['Basic realm="x"', [{ scheme: 'basic', params: { realm: 'x' } }]],
  [
    'Bearer realm="https://a.example/token",service="reg",scope="repository:a/b:pull,push"',
    [
      {
        scheme: 'bearer',
        params: { realm: 'https://a.example/token', service: 'reg', scope: 'repository:a/b:pull,push' },
      },
    ],
  ],
  [
    'Negotiate, Basic realm="a, \\"b\\"", charset=UTF-8, Bearer Realm=c',
    [
      { scheme: 'negotiate', params: {} },
      { scheme: 'basic', params: { realm: 'a, "b"', charset: 'UTF-8' } },
      { scheme: 'bearer', params: { realm: 'c' } },
    ],
  ],
  ['', []],
  ['"', []],
  ['Bearer realm="open', [{ scheme: 'bearer', params: {} }]],
] as const)('%s', (header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});
