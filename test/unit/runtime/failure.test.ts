import { expect, test } from 'vitest';
import { WaybillError } from '../../../src/core/index.ts';
import { errorOfStatus } from '../../../src/kube/errors.ts';
import { failureOf } from '../../../src/runtime/failure.ts';

const answer = (status: number, reason: string, message: string) =>
  errorOfStatus('create pods/p', status, { code: status, reason, message });

test.each([
  ['nobody answers', new WaybillError('Unreachable', 'x'), 'Unreachable', undefined],
  ['the server is not well', answer(500, 'InternalError', 'etcdserver: request timed out'), 'InternalError', undefined],
  [
    'a webhook does not answer',
    answer(500, 'InternalError', 'failed calling webhook "w.example"'),
    'InternalError',
    undefined,
  ],
  [
    'a webhook says later',
    answer(429, 'TooManyRequests', 'admission webhook "w.example" denied the request: later'),
    'TooManyRequests',
    undefined,
  ],
  ['there is no room', answer(403, 'Forbidden', 'exceeded quota: q'), 'ExceededResourceQuota', undefined],
  [
    'two pods were counted at once',
    answer(409, 'Conflict', 'Operation cannot be fulfilled on resourcequotas "q"'),
    'Conflict',
    undefined,
  ],
  [
    'a right is missing',
    answer(403, 'Forbidden', 'pods is forbidden: User "u" cannot create resource "pods" in API group ""'),
    'Forbidden',
    8,
  ],
  [
    'the service account is missing',
    answer(
      403,
      'Forbidden',
      'pods "p" is forbidden: error looking up service account n/s: serviceaccount "s" not found',
    ),
    'Forbidden',
    8,
  ],
  ['the credential has ended', answer(401, 'Unauthorized', 'Unauthorized'), 'Unauthorized', 8],
  ['the credential plugin failed', new WaybillError('KubeConfig', 'plugin ended with 1'), 'KubeConfig', 8],
])('it is tried again where %s', (_, error, code, tries) => {
  const failure = failureOf(error);
  expect(failure).toMatchObject({ kind: 'again', code });
  expect(failure?.kind === 'again' ? failure.tries : 0).toBe(tries);
});

test.each([
  ['the object is not valid', answer(422, 'Invalid', 'spec.containers[0].image: Required value')],
  ['admission refuses it', answer(403, 'Forbidden', 'pods "p" is forbidden: violates PodSecurity "restricted:latest"')],
  ['a webhook denies it', answer(400, 'BadRequest', 'admission webhook "w.example" denied the request: no')],
  ['a webhook denies it oddly', answer(500, '', 'admission webhook "w.example" denied the request: no')],
  ['the namespace is going', answer(403, 'Forbidden', 'unable to create new content in namespace n')],
  ['the namespace is gone', answer(404, 'NotFound', 'namespaces "n" not found')],
  ['there is another object of that name', new WaybillError('ObjectExists', 'x')],
])('it is given up where %s', (_, error) => {
  expect(failureOf(error)?.kind).toBe('final');
});

test('a lost lease and a bug end the driver', () => {
  expect(failureOf(new WaybillError('DriverLost', 'x'))).toBeUndefined();
  expect(failureOf(new TypeError('x'))).toBeUndefined();
});
