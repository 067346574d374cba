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
        const status = await client.review('SelfSubjectAccessReview', { resourceAttributes }, signal);
        const answer = ACCESS.safeParse(status);
        if (!answer.success) throw new WaybillError('KubeError', 'review of access: the answer is no review');
        return answer.data.allowed;
      }),
    ),
  );
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
