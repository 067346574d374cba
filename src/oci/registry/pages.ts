import { WaybillError } from '../../core/index.ts';
import type { Client, Request } from './client.ts';

/** Bytes of one page, and of all, and how many pages a list may have. */
const PAGE_CAP = 4 * 1024 * 1024;
const TOTAL_CAP = 64 * 1024 * 1024;
const MAX_PAGES = 500;

export interface Page {
  readonly response: Response;
  readonly bytes: Buffer;
}

/**
 * The pages of a list, along `Link: <…>; rel="next"`. A list that leads back to itself, or has no end, is
 * `RegistryError`. https://www.rfc-editor.org/rfc/rfc8288
 */
export async function* pagesOf(client: Client, request: Request): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let total = 0;
  let next: Request = request;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await client.read(next, PAGE_CAP);
    total += page.bytes.byteLength;
    if (total > TOTAL_CAP) throw new WaybillError('TooLarge', `${client.host} lists more than ${TOTAL_CAP} bytes`);
    yield page;
    const link = nextLink(page.response.headers.get('link'));
    if (link === undefined) return;
    const base = next.to instanceof URL ? next.to : page.response.url || `${client.origin}/v2/${next.to}`;
    const url = client.follow(link, base);
    if (seen.has(url.href)) throw new WaybillError('RegistryError', `${client.host} lists the same page again`);
    seen.add(url.href);
    next = { ...request, to: url };
  }
  throw new WaybillError('RegistryError', `${client.host} lists more than ${MAX_PAGES} pages`);
}

/** The target of the `next` relation of a `Link` header. */
export const nextLink = (header: string | null): string | undefined => {
  for (const [, target, params = ''] of (header ?? '').slice(0, 8192).matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (/;\s*rel\s*=\s*"?(?:[^";]*\s)?next(?:\s[^";]*)?"?\s*(?:;|$)/i.test(params)) return target;
  }
  return undefined;
};
