import type { LimitRange, Pod } from 'kubernetes-types/core/v1.d.ts';
import { canonicalJson, isWaybillError, type Json, WaybillError } from '../../core/index.ts';
import { apiErrorOf, type KubeClient, type Stored } from '../../kube/index.ts';
import { fitPod, SUPERVISOR } from '../../pod/index.ts';

/** What is known of a namespace's wishes, and how to send a pod that fulfils them. */
export interface NamespaceLimits {
  /** Sends a pod fitted to the namespace; where it is refused for what was not known, once more with that. */
  send<T>(pod: Pod, atOnce: number, send: (fitted: Pod) => Promise<T>): Promise<T>;
}

/** Of a list that was not answered there is nothing to fit to; `refused` says why. */
interface Known {
  readonly ranges: readonly Stored<LimitRange>[];
  readonly refused?: string;
}

/**
 * The LimitRanges of a namespace, read once, from now on: pods of a run are fitted to them. Where they may not be read pods
 * are sent as they are, which is said only if one is refused. What quotas demand of every container nobody needs to
 * read: the API server says it when it refuses.
 */
export const namespaceLimits = (client: KubeClient, namespace: string): NamespaceLimits => {
  const read = async (): Promise<Known> => {
    try {
      return { ranges: (await client.list('limitranges', { namespace })).items };
    } catch (error) {
      if (isWaybillError(error)) return { ranges: [], refused: error.message };
      throw error;
    }
  };
  let known = read();
  known.catch(() => undefined);
  const demanded = new Set<string>();

  /** Whether a refusal teaches something that another try could make use of. */
  const learn = async (error: unknown, reread: boolean): Promise<boolean> => {
    const answer = apiErrorOf(error);
    if (answer?.status !== 403) return false;
    const fresh = demandsOf(answer.message).filter((resource) => !demanded.has(resource));
    for (const resource of fresh) demanded.add(resource);
    if (fresh.length > 0) return true;
    if (!reread || !LIMITED.test(answer.message)) return false;
    const before = (await known).ranges;
    known = read();
    return textOf((await known).ranges) !== textOf(before);
  };

  return {
    send: async (pod, atOnce, send) => {
      for (let reread = true; ; ) {
        const { ranges, refused } = await known;
        try {
          return await send(fitPod(pod, { limitRanges: ranges, demanded: [...demanded], atOnce }));
        } catch (error) {
          const before = demanded.size;
          if (!(await learn(error, reread))) throw refused === undefined ? error : withReason(error, refused);
          if (demanded.size === before) reread = false;
        }
      }
    },
  };
};

/** How the plugins LimitRanger and the pod's validation refuse a pod that does not fit. */
const LIMITED = /usage per (?:Container|Pod)|limit to request ratio|must be less than or equal to \w[\w-]* limit/;

/** `must specify limits.cpu for: step-a,waybill-supervisor; limits.memory for: waybill-supervisor`: what the supervisor lacks. */
const demandsOf = (message: string): readonly string[] =>
  (/must specify (?<list>.*)$/s.exec(message)?.groups?.list ?? '')
    .split(';')
    .map((part) => /^\s*(?<resource>\S+) for: (?<names>\S+)/.exec(part)?.groups ?? {})
    .flatMap(({ resource, names }) =>
      resource !== undefined && names?.split(',').includes(SUPERVISOR) ? [resource] : [],
    );

const textOf = (ranges: Known['ranges']): string =>
  canonicalJson(ranges.map(({ spec }) => ({ ...spec })) as unknown as Json);

/** A refusal that better rights might have spared the user. */
const withReason = (error: unknown, refused: string): unknown => {
  if (!isWaybillError(error) || !LIMITED.test(apiErrorOf(error)?.message ?? '')) return error;
  return new WaybillError(
    error.code,
    `${error.message}; it was not fitted to the namespace's LimitRanges: ${refused}`,
    {
      cause: error.cause,
    },
  );
};
