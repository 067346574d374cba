import type { Descriptor, Place } from '../types.ts';
import { discard } from './body.ts';
import type { Client } from './client.ts';

/** An upload that a registry has begun. */
export interface Session {
  readonly location: URL;
  /** Bytes that a piece must have, but for the last one. */
  readonly least: number;
}

/** A session, and the bytes that the registry has of it. */
interface Progress {
  readonly session: Session;
  readonly offset: number;
}

/** The requests about uploads that carry no content. */
export interface Sessions {
  begin(what: string, signal?: AbortSignal): Promise<Session>;
  /** Mounts a blob; the session that the registry began instead where it cannot, or undefined where it has neither. */
  mount(descriptor: Descriptor, from: Place, signal?: AbortSignal): Promise<'mounted' | Session | undefined>;
  /** How far the registry is; undefined where it has forgotten the upload, or has nothing of it. */
  progress(session: Session, what: string, signal?: AbortSignal): Promise<Progress | undefined>;
  /** Ends an upload, if the registry can still be told; never rejects. */
  cancel(session: Session): Promise<void>;
  /** The session after an answer that may have moved it. */
  moved(response: Response, before: Session): Session;
}

/** Milliseconds that the end of a failed upload may take. */
const CANCEL_MS = 3000;
const EMPTY = { 'content-length': '0' };

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs */
export const createSessions = (client: Client): Sessions => {
  const root = `${client.repository}/blobs/uploads/`;

  const sessionOf = (response: Response, base: string | URL, least = 0): Session => {
    const said = Number(response.headers.get('oci-chunk-min-length') ?? Number.NaN);
    return {
      location: client.follow(response.headers.get('location') ?? '', response.url || base),
      least: Number.isSafeInteger(said) && said > 0 ? Math.min(said, 2 ** 30) : least,
    };
  };

  const moved: Sessions['moved'] = (response, before) =>
    response.headers.has('location') ? sessionOf(response, before.location, before.least) : before;

  return {
    moved,
    begin: async (what, signal) => {
      const request = { method: 'POST', to: root, action: 'push', what, headers: EMPTY, accept: [202] } as const;
      const response = await client.send({ ...request, repeatable: true, signal });
      await discard(response);
      return sessionOf(response, `${client.origin}/v2/${root}`);
    },
    mount: async ({ digest }, from, signal) => {
      const response = await client.send({
        method: 'POST',
        to: `${root}?mount=${digest}&from=${encodeURIComponent(from.repository)}`,
        action: 'push',
        from: from.repository,
        what: `the mount of blob ${digest} from ${from.repository} in ${client.host}/${client.repository}`,
        headers: EMPTY,
        // A registry that does not know mounts, or does not let this user read there, has not failed.
        accept: [201, 202, 400, 401, 403, 404, 405, 501],
        repeatable: true,
        signal,
      });
      await discard(response);
      if (response.status === 201) return 'mounted';
      return response.status === 202 ? sessionOf(response, `${client.origin}/v2/${root}`) : undefined;
    },
    progress: async (session, what, signal) => {
      const accept = [200, 202, 204, 400, 401, 403, 404, 405, 410, 416, 501];
      const response = await client.send({ method: 'GET', to: session.location, action: 'push', what, accept, signal });
      await discard(response);
      const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(response.headers.get('range') ?? '')?.[1];
      // `0-0` is what an upload of one byte says, and one of none, as a range cannot be empty.
      if (response.status > 204 || last === undefined || last === '0') return undefined;
      return { session: moved(response, session), offset: Number(last) + 1 };
    },
    cancel: async ({ location }) => {
      const what = 'the end of a failed upload';
      try {
        const request = { method: 'DELETE', to: location, action: 'push', what, accept: [202, 204, 404] } as const;
        await discard(await client.send({ ...request, repeatable: false, signal: AbortSignal.timeout(CANCEL_MS) }));
      } catch {
        // The registry drops unfinished uploads by itself; the failure that led here is the one to report.
      }
    },
  };
};
