import { type Code, conceal, WaybillError } from '../core/index.ts';
import { networkCode } from '../http/index.ts';

/** What the API server said: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#status-v1-meta */
export interface Status {
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  readonly code?: number | undefined;
  readonly details?: { readonly retryAfterSeconds?: number | undefined } | undefined;
}

/** The answer behind a {@link WaybillError} of this module, as its `cause`. */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError';
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes' reason: `AlreadyExists`, `Conflict`, `Expired`, `NotFound`, …; empty where the server gave none. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The API server's answer behind an error, if there is one. */
export const apiErrorOf = (error: unknown): KubeApiError | undefined =>
  error instanceof WaybillError && error.cause instanceof KubeApiError ? error.cause : undefined;

/** Whether the API server refused because an object of that name exists. */
export const isAlreadyExists = (error: unknown): boolean => apiErrorOf(error)?.reason === 'AlreadyExists';

/** Whether the API server refused because the object is not in the version that was named. */
export const isConflict = (error: unknown): boolean => {
  const answer = apiErrorOf(error);
  return answer?.status === 409 && answer.reason !== 'AlreadyExists';
};

/** Whether a resource version is too old to be watched or listed from. */
export const isExpired = (error: unknown): boolean => apiErrorOf(error)?.status === 410;

const CODE_OF: Readonly<Record<number, Code>> = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound' };

const HINTS: Readonly<Record<number, string>> = {
  401: 'check the credentials in the kubeconfig',
};

/** How the API server words that a right is missing. Quotas and admission refuse with 403 too, for other reasons. */
const MISSING_RIGHT =
  /cannot (?<verb>\w+) resource "(?<resource>[^"]+)" in API group "[^"]*"(?: in the namespace "(?<namespace>[^"]+)")?/;

const hintOf = (code: number, said: string, role?: string): string | undefined => {
  const missing = code === 403 ? MISSING_RIGHT.exec(said)?.groups : undefined;
  if (missing === undefined) return HINTS[code];
  const { verb, resource, namespace } = missing;
  const where = namespace === undefined ? '' : ` -n ${namespace}`;
  const as = role === undefined ? '' : ` --role ${role}`;
  return `the right to ${verb} ${resource} is missing; see all that are with: waybill auth check${where}${as}`;
};

/**
 * An answer of the API server as the error that the user sees. `what` says what was asked: `create pods/build`; `role` is
 * the Role to compare with where a right is missing, if it is not `auth check`'s default.
 */
export const errorOfStatus = (what: string, http: number, status: Status, role?: string): WaybillError => {
  const code = status.code ?? http;
  const said = conceal((status.message ?? `HTTP ${http}`).slice(0, 4000)).slice(0, 1000);
  const hint = hintOf(code, said, role);
  return new WaybillError(CODE_OF[code] ?? 'KubeError', `${what}: ${said}`, {
    cause: new KubeApiError(code, status.reason ?? '', said),
    ...(hint === undefined ? {} : { hint }),
  });
};

/** A failure of the network as the error that the user sees; anything else is passed on as it is. */
export const errorOfNetwork = (server: string, error: unknown): unknown => {
  const code = networkCode(error);
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  if (code === undefined && !timedOut && !(error instanceof TypeError)) return error;
  return new WaybillError('Unreachable', `${server}: ${code ?? 'no answer'}`, {
    cause: error,
    hint: 'check that the cluster of the current context is up and can be reached',
  });
};
