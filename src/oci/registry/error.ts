import { z } from 'zod';
import { type Code, conceal, WaybillError } from '../../core/index.ts';
import { bodyBytes } from './body.ts';

const problem = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().nullish() })).min(1),
});

/** Bytes of an error's body that are read. */
const CAP = 64 * 1024;

/**
 * A registry's refusal as an error: 404 is `NotFound`, 401 and 403 are `Unauthorized`, all else `RegistryError`. The
 * registry's own code and message go along, without control characters and credentials (`known` ones
 * wherever they stand), and cut short: the text is the registry's.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export const errorOf = async (
  response: Response,
  what: string,
  host: string,
  known: readonly string[] = [],
): Promise<WaybillError> => {
  const said = await reason(response, known);
  const message = `${host} answered ${response.status} to ${what}${said === '' ? '' : `: ${said}`}`;
  return new WaybillError(codeOf(response.status), message, {
    ...(response.status === 401 || response.status === 403
      ? { hint: `check the credentials for ${host}, and what they may do there` }
      : {}),
  });
};

const codeOf = (status: number): Code => {
  switch (status) {
    case 404:
      return 'NotFound';
    case 401:
    case 403:
      return 'Unauthorized';
    default:
      return 'RegistryError';
  }
};

const reason = async (response: Response, known: readonly string[]): Promise<string> => {
  try {
    const parsed = problem.safeParse(JSON.parse((await bodyBytes(response, CAP)).toString('utf8')));
    if (!parsed.success) return '';
    const said = parsed.data.errors
      .slice(0, 3)
      .map(({ code, message }) => [code, message].filter(Boolean).join(' '))
      .join('; ')
      .replace(/\p{Cc}+/gu, ' ');
    return conceal(said, known).slice(0, 300);
  } catch {
    return '';
  }
};
