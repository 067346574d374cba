import { z } from 'zod';
import { isWaybillError, limit, WaybillError } from '../core/index.ts';
import type { KubeClient, Scope } from './client.ts';

/** What somebody may want to do with a resource of the core API group; `resource` with a sub-resource: `pods/log`. */
export interface Access {
  readonly resource: string;
  readonly verb: string;
}

/** Reviews at a time. */
const AT_ONCE = 6;

const ACCESS = z.object({ allowed: z.boolean() });
const USER = z.object({ userInfo: z.object({ username: z.string() }) });
const RULES = z.object({
  resourceRules: z
    .array(
      z.object({
        verbs: z.array(z.string()),
        apiGroups: z.array(z.string()).nullish(),
        resources: z.array(z.string()).nullish(),
        resourceNames: z.array(z.string()).nullish(),
      }),
    )
    .nullable(),
});

/**
 * Whether our user may do each of these in a namespace, in their order, as the API server's authorizers say.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
export const mayI = (
  client: KubeClient,
  asked: readonly Access[],
  { namespace = client.namespace, signal }: Scope = {},
): Promise<readonly boolean[]> => {
  const gate = limit(AT_ONCE);
  return Promise.all(
    asked.map(({ resource, verb }) =>
      gate(async () => {
        const [plural = '', subresource] = resource.split('/');
        const resourceAttributes = {
          namespace,
          verb,
          group: '',
          resource: plural,
          ...(subresource !== undefined && { subresource }),
        };
        const answer = ACCESS.safeParse(await client.review('SelfSubjectAccessReview', { resourceAttributes }, signal));
        if (!answer.success) throw new WaybillError('KubeError', 'the answer to a review of access is none');
        return answer.data.allowed;
      }),
    ),
  );
};

/**
 * Those of `asked` that our user may not do. Costs one request where nothing is missing: the list of all rules, which some
 * authorizers cannot give whole, so that what is not on it is asked for one by one.
 */
export const lacking = async <T extends Access>(
  client: KubeClient,
  asked: readonly T[],
  { namespace = client.namespace, signal }: Scope = {},
): Promise<readonly T[]> => {
  const answer = RULES.safeParse(await client.review('SelfSubjectRulesReview', { namespace }, signal));
  const rules = answer.success ? (answer.data.resourceRules ?? []) : [];
  const unsure = asked.filter((access) => !rules.some((rule) => grants(rule, access)));
  const answers = await mayI(client, unsure, { namespace, signal });
  return unsure.filter((_, index) => answers[index] !== true);
};

type Rule = NonNullable<z.output<typeof RULES>['resourceRules']>[number];

const grants = ({ verbs, apiGroups, resources, resourceNames }: Rule, { resource, verb }: Access): boolean =>
  (resourceNames ?? []).length === 0 &&
  has(verbs, verb) &&
  has(apiGroups, '') &&
  (has(resources, resource) || (resources ?? []).includes(resource.replace(/^.*\//, '*/')));

const has = (list: readonly string[] | null | undefined, item: string): boolean =>
  list?.includes('*') === true || list?.includes(item) === true;

/**
 * Whether a namespace is there; null where our user may not look. Reviews do not tell: authorizers know no namespaces but
 * their names.
 */
export const namespaceExists = async (
  client: KubeClient,
  name: string,
  signal?: AbortSignal,
): Promise<boolean | null> => {
  try {
    await client.getMetadata('namespaces', name, { signal });
    return true;
  } catch (error) {
    if (isWaybillError(error, 'NotFound')) return false;
    if (isWaybillError(error, 'Forbidden')) return null;
    throw error;
  }
};

/**
 * The name of our user; null where the API does not tell it (before Kubernetes 1.28, or forbidden).
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review
 */
export const whoAmI = async (client: KubeClient, signal?: AbortSignal): Promise<string | null> => {
  try {
    const answer = USER.safeParse(await client.review('SelfSubjectReview', undefined, signal));
    return answer.success ? answer.data.userInfo.username : null;
  } catch (error) {
    if (isWaybillError(error, 'NotFound') || isWaybillError(error, 'Forbidden')) return null;
    throw error;
  }
};
