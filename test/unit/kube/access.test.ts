import { expect, test } from 'vitest';
import { lacking, mayI, namespaceExists, whoAmI } from '../../../src/kube/index.ts';
import { type Answer, json, refuse, serve } from './server.ts';

const CREATE = { resource: 'pods', verb: 'create' };
const READ = { resource: 'pods/log', verb: 'get' };
const LIST = { resource: 'secrets', verb: 'list' };

const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const RULES = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';

interface Body {
  readonly spec: { readonly namespace?: string; readonly resourceAttributes: Readonly<Record<string, string>> };
}

/** An API server whose authorizer allows what `allows` says, and which lists `rules`. */
const authorizer =
  (allows: (attributes: Readonly<Record<string, string>>) => boolean, rules: unknown = null): Answer =>
  (response, asked) => {
    const { path, body } = asked;
    const { spec } = JSON.parse(body) as Body;
    const status = path === RULES ? { resourceRules: rules } : { allowed: allows(spec.resourceAttributes) };
    return json(201, { status })(response, asked);
  };

const rule = (verbs: string[], resources: string[], more: object = {}) => ({
  verbs,
  apiGroups: [''],
  resources,
  ...more,
});

test('each right is asked for by a review of its own', async () => {
  const api = await serve(authorizer(({ verb }) => verb === 'get'));
  expect(await mayI(api.client(), [CREATE, READ], { namespace: 'ci' })).toEqual([false, true]);
  expect(api.asked.map(({ path }) => path)).toEqual([REVIEW, REVIEW]);
  expect(api.asked.map(({ body }) => (JSON.parse(body) as Body).spec.resourceAttributes)).toEqual([
    { namespace: 'ci', verb: 'create', group: '', resource: 'pods' },
    { namespace: 'ci', verb: 'get', group: '', resource: 'pods', subresource: 'log' },
  ]);
});

test.each([
  ['by name', [rule(['create', 'get'], ['pods', 'pods/log']), rule(['list'], ['secrets'])]],
  ['by wildcards', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]],
  ['by a wildcard for sub-resources', [rule(['*'], ['pods', 'secrets', '*/log'])]],
])('what the list of rules grants is asked for no further: %s', async (_, rules) => {
  const api = await serve(authorizer(() => false, rules));
  expect(await lacking(api.client(), [CREATE, READ, LIST])).toEqual([]);
  expect(api.asked.map(({ path }) => path)).toEqual([RULES]);
  expect(JSON.parse(api.asked[0]?.body ?? '')).toMatchObject({ spec: { namespace: 'ours' } });
});

test.each([
  ['another API group', [rule(['create'], ['pods'], { apiGroups: ['apps'] })]],
  ['another verb', [rule(['get'], ['pods'])]],
  ['a sub-resource', [rule(['create'], ['pods/exec'])]],
  ['objects of some names', [rule(['create'], ['pods'], { resourceNames: ['one'] })]],
  ['nothing', null],
])('a rule for %s grants nothing', async (_, rules) => {
  const api = await serve(authorizer(() => false, rules));
  expect(await lacking(api.client(), [CREATE])).toEqual([CREATE]);
});

test('what the list leaves open the reviews decide', async () => {
  const api = await serve(authorizer(({ resource }) => resource === 'secrets', []));
  expect(await lacking(api.client(), [CREATE, LIST])).toEqual([CREATE]);
});

test('the name of the user, where the API tells it', async () => {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const api = await serve(json(201, { status: { userInfo: { username: 'jane', groups: [] } } }));
  expect(await whoAmI(api.client())).toBe('jane');
  expect(api.asked).toMatchObject([{ method: 'POST', path }]);
  expect(await whoAmI((await serve(refuse(404, 'NotFound'))).client())).toBeNull();
  expect(await whoAmI((await serve(refuse(403, 'Forbidden'))).client())).toBeNull();
  await expect(whoAmI((await serve(refuse(401, 'Unauthorized'))).client())).rejects.toMatchObject({
    code: 'Unauthorized',
  });
});

test('whether a namespace is there, where the user may look', async () => {
  const metadata = { name: 'ci', uid: 'u', resourceVersion: '1' };
  const api = await serve(json(200, { metadata }));
  expect(await namespaceExists(api.client(), 'ci')).toBe(true);
  expect(api.asked).toMatchObject([{ method: 'GET', path: '/api/v1/namespaces/ci' }]);
  expect(await namespaceExists((await serve(refuse(404, 'NotFound'))).client(), 'ci')).toBe(false);
  expect(await namespaceExists((await serve(refuse(403, 'Forbidden'))).client(), 'ci')).toBeNull();
});

test('an answer that is no review is refused', async () => {
  const api = await serve(json(201, { status: { allowed: 'yes' } }));
  await expect(mayI(api.client(), [CREATE])).rejects.toMatchObject({ code: 'KubeError' });
});

test('a refusal names the right that is missing, where it is for one', async () => {
  const said = 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "ci"';
  const missing = await serve(refuse(403, 'Forbidden', { message: said }));
  await expect(missing.client().list('pods')).rejects.toMatchObject({
    code: 'Forbidden',
    hint: expect.stringMatching(/list pods.*waybill auth check -n ci$/),
  });
  await expect(missing.client({}, { role: 'viewer' }).list('pods')).rejects.toMatchObject({
    hint: expect.stringMatching(/list pods.*waybill auth check -n ci --role viewer$/),
  });
  const quota = await serve(refuse(403, 'Forbidden', { message: 'pods "a" is forbidden: exceeded quota: small' }));
  const error = await quota
    .client()
    .create('pods', { metadata: { name: 'a' } })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'Forbidden' });
  expect(error).toHaveProperty('hint', undefined);
});
