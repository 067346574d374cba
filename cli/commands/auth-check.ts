import { WaybillError } from 'waybill';
import { mayI, namespaceExists, whoAmI } from 'waybill/kube';
import { ROLES, type RoleName, rightsOf } from 'waybill/runtime';
import { z } from 'zod';
import { CLUSTER_OPTIONS, connect } from '../cluster.ts';
import type { Command } from '../command.ts';
import { table } from '../output/table.ts';
import { safe } from '../output/terminal.ts';

const NAMES = Object.keys(ROLES) as RoleName[];

export const command: Command = {
  arguments: [],
  options: [
    { flags: '--role <name>', says: 'the Role of docs/rbac.md to compare with', choices: NAMES, default: 'runner' },
    ...CLUSTER_OPTIONS,
  ],
  example: 'waybill auth check -n ci\nwaybill auth check -n ci --role viewer -o json',
  output: z.object({
    namespace: z.string(),
    namespaceSeen: z.boolean().describe('whether it was seen to be there; false where the user may not look'),
    user: z.string().nullable().describe('null where the cluster does not tell'),
    role: z.enum(NAMES),
    complete: z.boolean().describe('whether no needed right is missing'),
    rights: z.array(
      z.object({
        resource: z.string(),
        verb: z.string(),
        need: z.enum(['needed', 'optional']),
        allowed: z.boolean(),
        what: z.string().describe('what the right is for'),
        without: z.string().describe('what happens where it is missing'),
      }),
    ),
  }),
  run: async (context, _, options) => {
    const { signal } = context;
    const { client, namespace } = await connect(context, options);
    const role = options.role as RoleName;
    const asked = rightsOf(role);
    const [user, exists, allowed] = await Promise.all([
      whoAmI(client, signal),
      namespaceExists(client, namespace, signal),
      mayI(client, asked, { namespace, signal }),
    ]);
    if (exists === false) {
      throw new WaybillError('NotFound', `there is no namespace ${namespace}`, {
        subject: namespace,
        hint: 'name the namespace of the runs with -n',
      });
    }
    const who = safe(user ?? 'the user of the kubeconfig, whose name the cluster does not tell');
    const rights = asked.map(({ resource, verb, what, without, roles }, index) => ({
      resource,
      verb,
      need: roles[role] ?? 'optional',
      allowed: allowed[index] === true,
      what,
      without,
    }));
    const missing = rights.filter((right) => !right.allowed);
    const complete = missing.every(({ need }) => need === 'optional');
    const rows = rights.map((right) => [
      right.resource,
      right.verb,
      right.need,
      right.allowed ? 'yes' : 'no',
      right.what,
    ]);
    const lines = [
      `checked: the rights of ${who}`,
      `in namespace ${safe(namespace)}, compared with the Role ${role}`,
      '',
      table(['resource', 'verb', 'need', 'allowed', 'what for'], rows),
      ...(missing.length > 0 ? [''] : []),
      ...missing.map(({ resource, verb, need, without }) => `without ${verb} ${resource} (${need}): ${without}`),
      '',
      complete
        ? `nothing that ${role} needs is missing for ${who}`
        : `${who} lacks what ${role} needs; a Role that has all is in docs/rbac/${role}.yaml`,
      ...(exists === null ? ['only rights were checked: this user may not look whether the namespace exists'] : []),
    ];
    return {
      data: { namespace, namespaceSeen: exists === true, user, role, complete, rights },
      text: lines.join('\n'),
      exitCode: complete ? 0 : 3,
    };
  },
};
