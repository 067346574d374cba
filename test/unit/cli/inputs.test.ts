import { expect, test } from 'vitest';
import { readParams, typeParams } from '../../../cli/inputs/params.ts';
import { readWorkspace } from '../../../cli/inputs/workspaces.ts';

test('params take the type that the object declares', () => {
  const given = readParams(['a=x=y', 'b=1', 'b=2', 'c={"k":"v"}', 'd=["p","q"]', 'e={"not":"parsed"}']);
  const specs = [
    { name: 'a', type: 'string' },
    { name: 'b', type: 'array' },
    { name: 'c', type: 'object' },
    { name: 'd', type: 'array' },
    { name: 'e', type: 'string' },
  ] as const;
  expect(typeParams(given, specs)).toEqual([
    { name: 'a', value: 'x=y' },
    { name: 'b', value: ['1', '2'] },
    { name: 'c', value: { k: 'v' } },
    { name: 'd', value: ['p', 'q'] },
    { name: 'e', value: '{"not":"parsed"}' },
  ]);
});

test.each([
  ['a=1 twice', ['a=1', 'a=2'], 'string'],
  ['an object that is no JSON', ['a=x'], 'object'],
  ['an object with a number', ['a={"k":1}'], 'object'],
] as const)('refuses %s', (_, texts, type) => {
  expect(() => typeParams(readParams(texts), [{ name: 'a', type }])).toThrow(
    expect.objectContaining({ code: 'InvalidInput' }),
  );
});

test('refuses a param without a name', () => {
  expect(() => readParams(['=x'])).toThrow(expect.objectContaining({ code: 'Usage' }));
  expect(() => readParams(['x'])).toThrow(expect.objectContaining({ code: 'Usage' }));
});

test.each([
  ['src=emptyDir', { name: 'src', emptyDir: {} }],
  ['src=pvc=data,subPath=a/b', { name: 'src', subPath: 'a/b', persistentVolumeClaim: { claimName: 'data' } }],
  [
    'src=claim=5Gi,class=fast',
    {
      name: 'src',
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, storageClassName: 'fast' },
      },
    },
  ],
  ['cfg=config=settings', { name: 'cfg', configMap: { name: 'settings' } }],
  ['key=secret=token', { name: 'key', secret: { secretName: 'token' } }],
  ['name=src,claimName=data,subPath=x', { name: 'src', subPath: 'x', persistentVolumeClaim: { claimName: 'data' } }],
  ['name=src,emptyDir=', { name: 'src', emptyDir: {} }],
])('reads -w %s', (text, binding) => {
  expect(readWorkspace(text)).toEqual(binding);
});

test.each(['src', 'src=', 'src=pvc', 'src=claim=much', 'src=what=x', 'src=emptyDir,what=x', '=emptyDir'])(
  'refuses -w %s',
  (text) => {
    expect(() => readWorkspace(text)).toThrow(expect.objectContaining({ code: 'Usage' }));
  },
);
