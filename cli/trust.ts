import { WaybillError } from 'waybill';
import { loadPolicy, readPublicKey, type Trust, trustKeys } from 'waybill/trust';
import type { Context, Option, Options } from './command.ts';
import { readText } from './files.ts';

/** The file that is taken as policy where none is named, outside of CI. */
const POLICY_FILE = 'waybill.policy.yaml';

export const TRUST_OPTIONS: readonly Option[] = [
  { flags: '--policy <file>', says: `policy to hold; default: ${POLICY_FILE} in this folder, but never where CI=true` },
  { flags: '--policy-from-tree', says: `take ${POLICY_FILE} from this folder even where CI=true` },
  { flags: '--key <file>', says: 'public key that must have signed, instead of a policy', repeat: true },
];

/** CI systems say `true` or `1`; what is not plainly a no counts. */
const isCi = (text = ''): boolean => !['', '0', 'false', 'no'].includes(text.toLowerCase());

/**
 * The policy in force, or undefined where there is none. In CI the folder may have been written by the author of a pull
 * request, so a policy in it counts only when it was asked for. Throws `BadPolicy`, `BadKey`, `Usage`.
 */
export const trustFrom = async ({ env, stdin, note }: Context, options: Options): Promise<Trust | undefined> => {
  const keys = options.key as readonly string[] | undefined;
  const named = options.policy as string | undefined;
  if (keys !== undefined && named !== undefined) {
    throw new WaybillError('Usage', '--key and --policy exclude each other', { hint: 'name the keys in the policy' });
  }
  if (keys !== undefined) {
    const read = await Promise.all(keys.map(async (path) => readPublicKey(await readText(path, stdin))));
    return trustKeys(read, `--key ${keys.join(' ')}`);
  }
  if (named !== undefined) return loadPolicy(named);
  const found = await loadPolicy(POLICY_FILE).catch((error: unknown) => {
    if (error instanceof WaybillError && error.code === 'NotFound') return undefined;
    throw error;
  });
  if (found === undefined || !isCi(env.CI) || options.policyFromTree === true) return found;
  note(
    `${POLICY_FILE} is not used: where CI=true a policy is named with --policy, or asked for with --policy-from-tree`,
  );
  return undefined;
};
