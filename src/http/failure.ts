/**
 * The system's or undici's code in an error of a fetch (`ECONNREFUSED`, `ENOTFOUND`, `UND_ERR_HEADERS_TIMEOUT`,
 * `CERT_HAS_EXPIRED`, …), looked for along its causes. Undefined for anything that is no failure of the network.
 */
export const networkCode = (error: unknown): string | undefined => {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    // Several addresses of one host failed: the first says as much as the others.
    if (at instanceof AggregateError && at.errors.length > 0) return networkCode(at.errors[0]);
    if ('code' in at && typeof at.code === 'string' && at.name !== 'WaybillError') return at.code;
    // The Fetch standard forbids some ports; undici says so in words alone. https://fetch.spec.whatwg.org/#port-blocking
    if (at.message === 'bad port') return 'ERR_BAD_PORT';
  }
  // What fetch refuses to try, a port that browsers keep from, has no code.
  return error instanceof TypeError && error.message === 'fetch failed' ? 'ERR_FETCH_FAILED' : undefined;
};

/** Whether an error is an abort that the caller asked for, rather than a failure. */
export const isAbort = (error: unknown, signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
