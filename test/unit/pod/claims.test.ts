import type { Container, Volume } from 'kubernetes-types/core/v1.d.ts';
import { expect, test } from 'vitest';
import { joinClaims } from '../../../src/pod/claims.ts';

const claim = (name: string, claimName: string, readOnly?: boolean): Volume => ({
  name,
  persistentVolumeClaim: { claimName, ...(readOnly === undefined ? {} : { readOnly }) },
});
const container = (...names: string[]): Container => ({
  name: 'c',
  volumeMounts: names.map((name) => ({ name, mountPath: `/${name}`, subPath: name })),
});

test('a claim that stands in a pod twice has one volume, whatever mounts it', () => {
  const volumes = [claim('a', 'one'), { name: 'e', emptyDir: {} }, claim('b', 'two'), claim('c', 'one')];
  expect(joinClaims({ volumes, containers: [container('a', 'e', 'b', 'c'), { name: 'bare' }] })).toEqual({
    volumes: [claim('a', 'one'), { name: 'e', emptyDir: {} }, claim('b', 'two')],
    containers: [
      {
        name: 'c',
        volumeMounts: [
          { name: 'a', mountPath: '/a', subPath: 'a' },
          { name: 'e', mountPath: '/e', subPath: 'e' },
          { name: 'b', mountPath: '/b', subPath: 'b' },
          { name: 'a', mountPath: '/c', subPath: 'c' },
        ],
      },
      { name: 'bare' },
    ],
  });
});

test('what was read-only stays so, what was not does too', () => {
  const volumes = [claim('a', 'one', true), claim('b', 'one')];
  const joined = joinClaims({ volumes, containers: [container('a', 'b')] });
  expect(joined.volumes).toEqual([claim('a', 'one')]);
  expect(joined.containers[0]?.volumeMounts?.map(({ name, readOnly }) => [name, readOnly])).toEqual([
    ['a', true],
    ['a', undefined],
  ]);
});

test('claims that differ stay as they are', () => {
  const pod = { volumes: [claim('a', 'one', true), claim('b', 'two')], containers: [container('a', 'b')] };
  expect(joinClaims(pod)).toEqual(pod);
});
